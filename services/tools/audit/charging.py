"""Intents that limits count: recorded only where every limit has room, in the transaction in which that is taken.

So a crash at any moment leaves both or neither. They have a committer of their own: a bucket that all replicas want is
locked until the commit, which would hold up the audit of everything else.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from servicekit import call_buckets
from servicekit.call_buckets import Allowance, Bucket, Taken
from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.postgres import Connection, Database
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.store import approvals, invocations
from services.tools.models import Intent


@dataclass(frozen=True, slots=True)
class ChargedIntent:
    """An intent, and from what it takes one each."""

    intent: Intent
    buckets: Sequence[Bucket]


@dataclass(frozen=True, slots=True)
class Charged:
    """What came of it."""

    # Who holds its idempotency_key, itself or an earlier one; None: it was not recorded, for some limit has no room.
    holder: UUID | None
    # What is left in each of its buckets.
    allowances: Sequence[Allowance]


class ChargedIntents:
    """Those of one process, many in a transaction."""

    def __init__(
        self,
        database: Database,
        metrics: CommitMetrics,
        awaiting: AwaitingApproval,
        abandoned: Callable[[ChargedIntent, Charged], None],
    ) -> None:
        """Takes where they are written, and who is told of those that await an approval or whose caller had gone."""
        self._database = database
        self._awaiting = awaiting
        # Whether the last batch may have been written without our hearing of it.
        self._in_doubt = False
        self.commits: GroupCommit[ChargedIntent, Charged] = GroupCommit(
            "limits", self._write, metrics, abandoned=abandoned, size=lambda one: len(one.intent.input_params or "")
        )

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Takes intents while the block lasts."""
        async with self._database.held() as self._held, self.commits:
            yield

    async def _write(self, batch: Sequence[ChargedIntent]) -> Sequence[Charged]:
        try:
            async with self._held.used() as connection, connection.transaction():
                written = await self._write_all(connection, batch)
        except CONNECTION_ERRORS:
            self._in_doubt = True
            raise
        self._in_doubt = False
        return written

    async def _write_all(self, connection: Connection, batch: Sequence[ChargedIntent]) -> Sequence[Charged]:
        before: set[UUID] = set()
        if self._in_doubt:
            before = await invocations.existing_ids(connection, [one.intent.id for one in batch])
        fresh = [one for one in batch if one.intent.id not in before]
        # Of a limit that has just changed, what came last.
        buckets = {bucket.key: bucket for one in batch for bucket in one.buckets}
        wanted = Counter(dict.fromkeys(buckets.values(), 0))
        wanted.update(buckets[bucket.key] for one in fresh for bucket in one.buckets)
        taken = await call_buckets.take(connection, wanted)
        left = Counter({key: found.granted for key, found in taken.items()})
        inserted = await self._insert(connection, fresh, left)
        if unused := +left:
            await call_buckets.give_back(connection, unused)
        return await _charged(connection, batch, before | inserted, buckets, _after(taken, unused), inserted)

    async def _insert(self, connection: Connection, fresh: Sequence[ChargedIntent], left: "Counter[str]") -> set[UUID]:
        """Records those for which all is left that they take, the first ones first; takes it from what is left."""
        inserted: set[UUID] = set()
        while True:
            granted, fresh = _granted(fresh, left)
            if not granted:
                return inserted
            new = await invocations.append(connection, [one.intent for one in granted], (), ())
            awaiting = {
                one.intent.id: one.intent.reference
                for one in granted
                if one.intent.id in new and one.intent.begun_as == "awaiting_approval"
            }
            if awaiting:
                await approvals.insert(connection, awaiting)
                self._awaiting.add(awaiting)
            inserted |= new
            # What repeats an idempotency_key takes nothing, and leaves it to the next.
            for one in granted:
                if one.intent.id not in new:
                    left.update(bucket.key for bucket in one.buckets)


def _granted(wanting: Sequence[ChargedIntent], left: "Counter[str]") -> tuple[list[ChargedIntent], list[ChargedIntent]]:
    granted, others = [], []
    for one in wanting:
        keys = [bucket.key for bucket in one.buckets]
        if all(left[key] > 0 for key in keys):
            left.subtract(keys)
            granted.append(one)
        else:
            others.append(one)
    return granted, others


def _after(taken: Mapping[str, Taken], unused: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """What is in each bucket now, and until when its window is."""
    return {key: (found.tokens + unused.get(key, 0), found.window_seconds) for key, found in taken.items()}


async def _charged(
    connection: Connection,
    batch: Sequence[ChargedIntent],
    written: set[UUID],
    buckets: Mapping[str, Bucket],
    after: Mapping[str, tuple[float, float]],
    inserted: set[UUID],
) -> list[Charged]:
    """What is told to each: of those that came together, what is left after itself."""
    to_come = Counter(bucket.key for one in batch if one.intent.id in inserted for bucket in one.buckets)
    answers = []
    for one in batch:
        intent = one.intent
        holder = intent.id if intent.id in written else None
        if holder is None and intent.idempotency_key:
            holder = await invocations.id_of_idempotency_key(connection, intent.principal, intent.idempotency_key)
        if intent.id in inserted:
            to_come.subtract(bucket.key for bucket in one.buckets)
        allowances = []
        for bucket in one.buckets:
            tokens, window_seconds = after[bucket.key]
            if holder is not None:
                tokens += to_come[bucket.key]
            found = Allowance.of(buckets[bucket.key], tokens, window_seconds, granted=holder is not None or tokens >= 1)
            allowances.append(found)
        answers.append(Charged(holder, allowances))
    return answers
