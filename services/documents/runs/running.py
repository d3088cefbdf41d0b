"""A run that is answered with its archive, which is put on record and kept; a retry gets the first one."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit.errors import ServiceError, internal
from servicekit.idempotency import idempotency_key_reused
from servicekit.leased_work import LeasedWork
from servicekit.postgres import Database
from services.documents.forms.multipart import File, Form
from services.documents.forms.tasks import template_from
from services.documents.metrics import DocumentsMetrics
from services.documents.models import COMPLETED, FAILED, Caller, Digests, DocumentRun, NewRun, Timing, outcome_of
from services.documents.rendering.models import Contract, Precheck
from services.documents.runs.journal import Journal
from services.documents.runs.producing import Asked, Produced, Producer, ProductionError
from services.documents.runs.store import runs as store
from services.documents.templating.changes import Change, changes

# What became of runs that have no archive, by the reason.
FAILURES = {"REQUEST_TIMEOUT": "timeout", "INTERNAL": "internal_error"}


@dataclass(frozen=True, slots=True)
class Archived:
    """What came of a run: on record, and its zip in pieces."""

    run: DocumentRun
    pieces: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """A run that has ended, to be put on record, and its archive in pieces; none where it failed."""

    run: NewRun
    pieces: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Described:
    """What a template asks for, and what is different from what another did."""

    contract: Contract
    changes: Sequence[Change] = ()


class Runs:
    """Runs whose callers wait for them."""

    def __init__(self, database: Database, producer: Producer, leased: LeasedWork, metrics: DocumentsMetrics) -> None:
        self._database = database
        self._producer = producer
        self._leased = leased
        self._metrics = metrics

    @contextmanager
    def told(self) -> Iterator[Journal]:
        """Tells the log and the metrics how the block ends where it ends badly, from the first byte of a form on."""
        terms = self._producer.terms
        journal = Journal(terms.max_upload_bytes, terms.timeout_seconds)
        try:
            yield journal
        except ServiceError as error:
            self._metrics.refused(journal.failed(error))
            raise
        except Exception:
            # Whatever it was, its caller is told that it is our fault.
            self._metrics.refused(journal.failed(internal()))
            raise

    async def run(self, form: Form, caller: Caller, journal: Journal) -> Archived:
        """From a form to its archive; the first one again where its caller comes with the same key.

        Raises:
            ServiceError: as error_reason.proto has it.
        """
        asked = await self._producer.check(form, journal)
        if earlier := await self._earlier(caller, asked.digests):
            return earlier
        run_id = uuid.uuid7()
        async with self._under(asked, run_id, caller):
            try:
                produced = await self._producer.produce(asked, caller, journal)
            except ProductionError as failed:
                await self._failed(asked, run_id, caller, failed)
                raise failed.error from None
            archived = await self._recorded(asked, run_id, caller, produced)
        tell(produced, journal, asked, self._metrics, traced=self._producer.terms.debug_artifacts)
        return archived

    @asynccontextmanager
    async def _under(self, asked: Asked, run_id: UUID, caller: Caller) -> AsyncIterator[None]:
        """Begun under the lease that it names, if any, and told of there when it has ended.

        Raises:
            ServiceError: LEASE_LOST, TASK_NOT_FOUND; UNAVAILABLE where nobody can say whether the lease holds.
        """
        if not (lease := asked.options.lease):
            yield
            return
        seconds = self._producer.terms.max_run_seconds
        await self._leased.begin(str(run_id), lease, caller.principal, asked.options.skill, seconds)
        try:
            yield
        except ServiceError:
            async with self._database.connection() as connection:
                is_recorded = await store.get(connection, run_id) is not None
            await (self._leased.tell(str(run_id)) if is_recorded else self._leased.abandon(str(run_id), lease))
            raise
        await self._leased.tell(str(run_id))

    async def precheck(self, form: Form, journal: Journal) -> Precheck:
        """What a run of the form would find.

        Raises:
            ServiceError: as of a run.
        """
        return await self._producer.precheck(await self._producer.check(form, journal), journal)

    async def describe(self, template: bytes, skill: str, previous: bytes) -> Described:
        """What a template asks for, and what changed since the version before, if there is one.

        Raises:
            ServiceError: as of a run.
        """
        contract = await self._described(template, skill, "template")
        if not previous:
            return Described(contract)
        before = await self._described(previous, skill, "previous_template")
        return Described(contract, tuple(changes(before.schema, contract.schema)))

    async def _described(self, template: bytes, skill: str, field: str) -> Contract:
        return await self._producer.describe(template_from(File("template.docx", template), field), skill, field)

    async def _earlier(self, caller: Caller, digests: Digests) -> Archived | None:
        """What came of the same before, where a key says that it is the same."""
        if not caller.idempotency_key:
            return None
        async with self._database.connection() as connection:
            found = await store.by_key(connection, caller.principal, caller.idempotency_key)
            if found is None:
                return None
            run, digest = found
            if digest != digests.request:
                raise idempotency_key_reused(caller.idempotency_key)
            kept = await store.archive(connection, UUID(run.id))
        return Archived(run, kept) if kept else None

    async def _recorded(self, asked: Asked, run_id: UUID, caller: Caller, produced: Produced) -> Archived:
        run, terms = new_run(asked, caller, produced), self._producer.terms
        kept = terms.kept(produced.pieces)
        async with self._database.transaction() as connection:
            recorded = await store.insert(connection, run_id, run, kept, terms.keep_hours)
            if recorded is not None and kept:
                await store.insert_archive(connection, UUID(recorded.id), produced.pieces)
        if recorded is not None:
            return Archived(recorded, produced.pieces)
        # Another call with the same key was faster.
        earlier = await self._earlier(caller, asked.digests)
        if earlier is None:
            raise idempotency_key_reused(caller.idempotency_key)
        return earlier

    async def _failed(self, asked: Asked, run_id: UUID, caller: Caller, failed: ProductionError) -> None:
        """Puts on record what came to nothing; the key is free for another attempt."""
        if failed.error.reason not in FAILURES:
            return
        unkeyed = replace(caller, idempotency_key="")
        options = asked.options
        run = failed_run(options.skill, options.preset, asked.digests, unkeyed, failed.error, failed.timing)
        async with self._database.transaction() as connection:
            await store.insert(connection, run_id, replace(run, lease=options.lease), 0, 0)


def new_run(asked: Asked, caller: Caller, produced: Produced) -> NewRun:
    """A run that has come to an archive."""
    result, options = produced.result, asked.options
    return NewRun(
        COMPLETED,
        outcome_of(result.exit_code),
        options.skill,
        options.preset,
        asked.digests,
        caller,
        produced.timing,
        exit_code=result.exit_code,
        document_sha256=hashlib.sha256(result.document).hexdigest(),
        missing_required=result.missing_fields["missing_required"],
        lease=options.lease,
    )


def failed_run(
    skill: str, preset: str, digests: Digests, caller: Caller, error: ServiceError, timing: Timing
) -> NewRun:
    """One that has not."""
    outcome = FAILURES.get(error.reason, "bad_request")
    return NewRun(FAILED, outcome, skill, preset, digests, caller, timing, error_code=error.reason)


def tell(produced: Produced, journal: Journal, asked: Asked, metrics: DocumentsMetrics, *, traced: bool) -> None:
    """Tells the log and the metrics."""
    exit_code = produced.result.exit_code
    journal.done(exit_code, produced.timing, produced.result.pid, traced=traced)
    metrics.ended(asked.options.skill, outcome_of(exit_code), produced.timing)
