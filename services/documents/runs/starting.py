"""Runs that go on without the call that started them: kept until they are done, whichever replica does them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import structlog
import uuid_utils.compat as uuid

from servicekit.errors import ServiceError, internal, permission_denied
from servicekit.idempotency import Answer, Once
from servicekit.identity.detached_work import DetachedWork, Sponsor
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.leased_work import LEASE_OVER, LeasedWork
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Connection, Database
from services.documents import errors
from services.documents.forms.multipart import File, Form
from services.documents.human_requests import store as people_store
from services.documents.interviews import store as interviews_store
from services.documents.metrics import DocumentsMetrics
from services.documents.models import (
    COMPLETED,
    ENDED,
    HELD,
    RELEASE,
    VALUES,
    Caller,
    ClaimedRun,
    DocumentRun,
    Kind,
    NewRun,
    People,
    RunInput,
    Timing,
)
from services.documents.runs.history import History
from services.documents.runs.journal import Journal
from services.documents.runs.producing import Asked, Producer, ProductionError
from services.documents.runs.running import Made, failed_run, new_run, tell
from services.documents.runs.store import batches as batch_store
from services.documents.runs.store import started as store

logger = structlog.get_logger(__name__)

PERMISSION: Final = "documents.run"
PENDING: Final = "pending"
# How long a replica that says nothing more is believed to be there, seconds.
LEASE_SECONDS = 15.0
# Where nothing is heard: a notification may have been missed, and leases expire without one.
LOOK_SECONDS = 2.0
# As often a run is begun again whose replica died with it.
MAX_ATTEMPTS = 3
# How long one may keep the lease under which it is done, from when it is started or begun: it may wait for its turn,
# and for people.
MAX_LEASED_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Started:
    """What is done beside the calls: who waits for it, who ends it, under what, and how many one caller may have."""

    waiters: Waiters
    work: DetachedWork
    leased: LeasedWork
    max_open: int


@dataclass(frozen=True, slots=True)
class Lacking:
    """A run that cannot be done before people have given these values: their schemas by their paths."""

    schemas: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Postponed:
    """A run that is not begun now: nobody can say whether the lease holds under which it is to be done."""


Ended = Made | Lacking | Postponed


class StartedRuns:
    """Starts runs, does them, and tells how they are."""

    def __init__(
        self, database: Database, producer: Producer, history: History, started: Started, metrics: DocumentsMetrics
    ) -> None:
        self._database = database
        self._producer = producer
        self._history = history
        self._started = started
        self._metrics = metrics

    async def start(
        self,
        form: Form,
        caller: Caller,
        sponsor: Sponsor,
        once: Once[DocumentRun, Answer],
        people: People | None = None,
        *,
        interview: bool = False,
    ) -> Answer:
        """Puts it on record, to be done; `people` are asked about it, of missing values in an interview.

        Raises:
            ServiceError: as of a run whose form is not sound; TOO_MANY_REQUESTS; LEASE_LOST, TASK_NOT_FOUND, and
                UNAVAILABLE where nobody can say whether the lease holds.
        """
        if people is not None and not (people.ask_missing or people.approve_release):
            raise errors.invalid_field("people", "must be asked for something: ask_missing, approve_release")
        if interview and not (people and people.ask_missing):
            raise errors.invalid_field("people.ask_by", "goes with ask_missing")
        asked = await self._producer.check(form, self._journal())
        given = RunInput(form.files["template"].content, form.files["task"].content, form.fields, sponsor)
        options, run_id = asked.options, uuid.uuid7()
        new = NewRun(PENDING, "", options.skill, options.preset, asked.digests, caller, Timing(), lease=options.lease)

        async def start(connection: Connection) -> DocumentRun:
            if await store.count_open(connection, caller.principal) >= self._started.max_open:
                raise errors.too_many_started(self._started.max_open)
            run = await store.insert(connection, run_id, given, new)
            if people is not None:
                await people_store.insert(connection, run_id, people, sponsor.reference)
                if interview:
                    await interviews_store.insert(connection, run_id)
            return run

        if not new.lease:
            return await once.run(self._database, start)
        if (earlier := await once.earlier(self._database)) is not None:
            return earlier
        leased = self._started.leased
        await leased.begin(str(run_id), new.lease, caller.principal, new.skill, MAX_LEASED_SECONDS)
        try:
            return await once.run(self._database, start)
        except ServiceError:
            await leased.abandon(str(run_id), new.lease)
            raise

    async def watch(self, run_id: str, viewer: Viewer) -> AsyncGenerator[DocumentRun, None]:
        """How it is, and each change, until it has ended.

        Raises:
            ServiceError: RUN_NOT_FOUND.
        """
        told: tuple[str, str | None] | None = None
        with self._started.waiters.registered(run_id) as changed:
            while True:
                changed.clear()
                run = await self._history.get(run_id, viewer)
                # An interview has its id once it has begun.
                if (run.status, run.conversation_id) != told:
                    told = (run.status, run.conversation_id)
                    yield run
                if run.status in ENDED:
                    return
                await wait_for(changed, LOOK_SECONDS)

    async def attend(self) -> None:
        """Does one after the other, for ever."""
        with self._started.waiters.registered(PENDING) as news:
            while True:
                news.clear()
                async with self._database.transaction() as connection:
                    claimed = await self._claimed(connection)
                if claimed is None:
                    await wait_for(news, LOOK_SECONDS)
                else:
                    await self._do(claimed)

    async def _claimed(self, connection: Connection) -> ClaimedRun | None:
        claimed = await store.claim(connection, LEASE_SECONDS)
        if claimed is None:
            return None
        people, answers = await people_store.of_run(connection, UUID(claimed.id))
        interview = await interviews_store.stage(connection, UUID(claimed.id))
        return replace(claimed, people=people, interview=interview, answers=answers)

    async def _do(self, claimed: ClaimedRun) -> None:
        """Does it while its caller may run and this replica is there, and puts on record how it ended."""
        doing = asyncio.create_task(self._made(claimed), name="started run")
        keeping = asyncio.create_task(self._keep(claimed, doing), name="lease of a run")
        try:
            with self._started.work.held(claimed.given.sponsor, _may_run, lambda: _end(doing)):
                # What ends this loop ends the run, and not the other way round.
                await asyncio.wait([doing])
            made = self._failed(claimed, permission_denied(PERMISSION)) if doing.cancelled() else doing.result()
            await self._finish(claimed, made)
            if claimed.lease:
                await self._started.leased.tell(claimed.id)
        except asyncio.CancelledError:
            doing.cancel()
            await asyncio.wait([doing])
            async with self._database.transaction() as connection:
                await store.give_back(connection, claimed)
            raise
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _made(self, claimed: ClaimedRun) -> Ended:
        journal, given = self._journal(), claimed.given
        form = Form(
            {"template": File("template.docx", given.template), "task": File("task.json", given.task)},
            dict(given.fields),
        )
        if (barred := await self._barred(claimed)) is not None:
            return barred
        try:
            asked = await self._producer.check(form, journal)
            if schemas := await self._missing(claimed, asked, journal):
                return Lacking(schemas)
            if claimed.answers:
                asked = self._producer.answered(asked, claimed.answers)
            produced = await self._producer.produce(asked, claimed.caller, journal, patient=True)
        except ProductionError as failed:
            journal.failed(failed.error)
            return self._failed(claimed, failed.error, failed.timing)
        except ServiceError as error:
            journal.failed(error)
            return self._failed(claimed, error)
        except Exception:
            logger.exception("started_run_failed", run_id=claimed.id)
            journal.failed(internal())
            return self._failed(claimed, internal())
        tell(produced, journal, asked, self._metrics, traced=self._producer.terms.debug_artifacts)
        return Made(new_run(asked, claimed.caller, produced), produced.pieces)

    async def _barred(self, claimed: ClaimedRun) -> Ended | None:
        """Why it is not begun: too many replicas have died with it, or its lease is over; None: it is."""
        if claimed.attempt > MAX_ATTEMPTS:
            return self._failed(claimed, internal())
        if not claimed.lease:
            return None
        try:
            await self._started.leased.begin(
                claimed.id, claimed.lease, claimed.caller.principal, claimed.skill, MAX_LEASED_SECONDS
            )
        except ServiceError as refusal:
            if refusal.reason in LEASE_OVER:
                return self._failed(claimed, refusal)
            await asyncio.sleep(LOOK_SECONDS)
            return Postponed()
        return None

    async def _missing(self, claimed: ClaimedRun, asked: Asked, journal: Journal) -> Mapping[str, Any]:
        """The values that people are to be asked for: once, whatever they say."""
        if claimed.people is None or not claimed.people.ask_missing:
            return {}
        if claimed.answers or claimed.interview == "over":
            return {}
        found = await self._producer.precheck(asked, journal, patient=True)
        return await self._producer.askable(asked, found.missing_required, journal)

    def _failed(self, claimed: ClaimedRun, error: ServiceError, timing: Timing | None = None) -> Made:
        run = failed_run(claimed.skill, claimed.preset, claimed.digests, claimed.caller, error, timing or Timing())
        self._metrics.refused(run.outcome)
        return Made(run, ())

    async def _finish(self, claimed: ClaimedRun, made: Ended) -> None:
        terms = self._producer.terms
        async with self._database.transaction() as connection:
            if isinstance(made, Postponed):
                await store.give_back(connection, claimed)
                return
            if isinstance(made, Lacking):
                written = await store.wait(connection, claimed)
                opened: tuple[Kind, Mapping[str, Any]] | None = (VALUES, made.schemas)
            else:
                run, kept, opened = made.run, terms.kept(made.pieces), None
                if run.status == COMPLETED and claimed.people is not None and claimed.people.approve_release:
                    run, opened = replace(run, status=HELD), (RELEASE, {})
                written = await store.finish(connection, claimed, run, made.pieces, kept, terms.keep_hours)
            if written and isinstance(made, Lacking) and claimed.interview == "wanted" and claimed.people:
                await interviews_store.open_up(
                    connection, UUID(claimed.id), made.schemas, claimed.people.timeout_seconds
                )
            elif written and opened is not None:
                await people_store.open_up(connection, UUID(claimed.id), *opened)
            if written and claimed.batch_id and isinstance(made, Made):
                await batch_store.count_ended(connection, UUID(claimed.batch_id), made.run.outcome)
        if not written:
            logger.warning("started_run_taken_over", run_id=claimed.id)

    async def _keep(self, claimed: ClaimedRun, doing: "asyncio.Task[Ended]") -> None:
        """Says that it is being done; stops it where another replica is at it, or its batch was stopped."""
        with self._started.waiters.registered(claimed.id) as changed:
            await self._renew(claimed, doing, changed)

    async def _renew(self, claimed: ClaimedRun, doing: "asyncio.Task[Ended]", changed: asyncio.Event) -> None:
        while True:
            # Whoever stops it, or takes it over, says so.
            await wait_for(changed, LEASE_SECONDS / 3)
            changed.clear()
            try:
                async with self._database.connection() as connection:
                    renewed = await store.renew(connection, claimed, LEASE_SECONDS)
            except Exception:
                # Where the database stays away another replica begins it again, and what this one writes is refused.
                logger.warning("lease_not_renewed", run_id=claimed.id, exc_info=True)
                continue
            if not renewed:
                doing.cancel()
                return

    def _journal(self) -> Journal:
        terms = self._producer.terms
        return Journal(terms.max_upload_bytes, terms.timeout_seconds)


def _may_run(caller: Principal) -> bool:
    return caller.may(PERMISSION)


def _end(doing: "asyncio.Task[Ended]") -> None:
    doing.cancel()
