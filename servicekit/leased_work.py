"""Work for whoever holds a lease that another service gives: begun with its word, and told to it when it has ended.

The other service keeps the lease as long as such work goes on, so nobody takes it over between the check and the end.
What was begun is noted before it is asked for, and the note goes when the end was told: a process may be killed at any
place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
import structlog
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from servicekit.channels import channel
from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.errors import ServiceError, invalid_field, unavailable
from servicekit.identity.remote_resolver import own_key
from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for

logger = structlog.get_logger(__name__)

# A check is one quick call; who cannot be asked in this time has not said yes.
SECONDS = 3.0
# Ends that nobody in this process has told of: of processes that were killed, or told while the other service was away.
LOOK_AGAIN_SECONDS = 2.0
AT_A_TIME = 100
# What is noted and stands nowhere else after this time was never begun.
MAX_BEGINNING_SECONDS = 60
# What keeps an end from being told now.
TOLD_LATER: tuple[type[BaseException], ...] = (ServiceError, *CONNECTION_ERRORS)
# Refusals that are about the lease pass on to the caller as they are; anything else means that nobody has said yes.
LEASE_OVER = ("LEASE_LOST", "TASK_NOT_FOUND")


@dataclass(frozen=True, slots=True)
class Lease:
    """Under what something is done: of which resource, by which token. Empty and 0: under none."""

    resource_id: str = ""
    fencing_token: int = 0

    def __bool__(self) -> bool:
        return bool(self.resource_id)

    def require_whole(self, id_field: str, token_field: str) -> None:
        """Refuses one of the two without the other.

        Raises:
            ServiceError: INVALID_REQUEST.
        """
        if bool(self.resource_id) != bool(self.fencing_token):
            missing, given = (token_field, id_field) if self.resource_id else (id_field, token_field)
            raise invalid_field(missing, f"must stand beside `{given}`: a lease is named by both")


NO_LEASE = Lease()


@dataclass(frozen=True, slots=True)
class EndedWork:
    """How something ended: its status, and the digest of what proves it; empty where nothing does."""

    work_id: str
    lease: Lease
    outcome: str
    digest: str = ""


# Of what is noted, those that have ended, at most so many; of one, where its id is given.
FindEnded = Callable[[Connection, str | None, int], Awaitable[list[EndedWork]]]


class LeasedWork:
    """What one service does of one kind, under leases of one other."""

    def __init__(self, database: Database, leases: "Leases", kind: str, find_ended: FindEnded) -> None:
        self._database = database
        self._leases = leases
        self._kind = kind
        self._find_ended = find_ended
        self._ended = asyncio.Event()

    async def begin(self, work_id: str, lease: Lease, holder: str, subject: str, max_seconds: int) -> None:
        """Returns when it may begin; again for the same work, it may go on for as long anew.

        Args:
            work_id: what is begun.
            lease: under what.
            holder: the principal for whom it is done.
            subject: a word for it.
            max_seconds: how long it may take.

        Raises:
            ServiceError: as the other service refuses; UNAVAILABLE where it does not answer. Nothing may be done then.
        """
        async with self._database.connection() as connection:
            is_new = await connection.fetchval(
                """
                INSERT INTO leased_work (work_id, resource_id, fencing_token)
                VALUES ($1, $2, $3)
                ON CONFLICT DO NOTHING
                RETURNING true
                """,
                work_id,
                lease.resource_id,
                lease.fencing_token,
            )
        try:
            await self._leases.begin(self._kind, work_id, lease, holder, subject, max_seconds)
        except ServiceError as refusal:
            if is_new and refusal.reason in LEASE_OVER:
                # Nothing was begun there. Where it did not answer, that is not known.
                await self._forget([(work_id, lease)])
            raise

    async def tell(self, work_id: str) -> None:
        """Has it told that this one has ended, before whoever hears of its end asks there; later where that fails."""
        try:
            await self._tell(work_id)
        except TOLD_LATER as error:
            logger.warning("end_of_leased_work_not_told", work_id=work_id, error=str(error))
            self._ended.set()

    async def abandon(self, work_id: str, lease: Lease) -> None:
        """Has it told that this one is on no record and never will be; where that fails, as of what never began."""
        try:
            await self._leases.end(self._kind, EndedWork(work_id, lease, "nothing"))
            await self._forget([(work_id, lease)])
        except TOLD_LATER as error:
            logger.warning("end_of_leased_work_not_told", work_id=work_id, error=str(error))

    async def follow(self) -> None:
        """Tells the ends that nobody has told, for ever."""
        while True:
            self._ended.clear()
            try:
                told = await self._tell(None)
            except ServiceError as error:
                logger.warning("ends_of_leased_work_not_told", error=str(error))
                told = 0
            if told < AT_A_TIME:
                await wait_for(self._ended, LOOK_AGAIN_SECONDS)

    async def _tell(self, work_id: str | None) -> int:
        async with self._database.connection() as connection:
            ended = await self._find_ended(connection, work_id, AT_A_TIME)
        if not ended:
            return 0
        # Told twice is told once, so replicas need not agree on who does it.
        await asyncio.gather(*(self._leases.end(self._kind, each) for each in ended))
        await self._forget([(each.work_id, each.lease) for each in ended])
        return len(ended)

    async def _forget(self, works: Sequence[tuple[str, Lease]]) -> None:
        async with self._database.connection() as connection:
            await connection.executemany(
                "DELETE FROM leased_work WHERE work_id = $1 AND resource_id = $2 AND fencing_token = $3",
                [(work_id, lease.resource_id, lease.fencing_token) for work_id, lease in works],
            )


class Leases:
    """The service that gives leases, over gRPC; the kit knows no generated code, so whoever builds it hands that in."""

    def __init__(self, stub: Any, messages: Any, key: str, service: str) -> None:
        """Takes its stub, None where no address is set; its messages; the key to call with, or ""; and its name."""
        self._stub = stub
        self._messages = messages
        self._metadata = (("x-api-key", key),) if key else ()
        self._service = service

    async def begin(self, kind: str, work_id: str, lease: Lease, holder: str, subject: str, max_seconds: int) -> None:
        """See LeasedWork."""
        request = self._messages.BeginWorkRequest(
            task_id=lease.resource_id,
            fencing_token=lease.fencing_token,
            holder=holder,
            kind=kind,
            work_id=work_id,
            subject=subject,
            max_seconds=max_seconds,
        )
        await self._call("BeginWork", request)

    async def end(self, kind: str, ended: EndedWork) -> None:
        """See LeasedWork."""
        request = self._messages.EndWorkRequest(
            task_id=ended.lease.resource_id,
            fencing_token=ended.lease.fencing_token,
            kind=kind,
            work_id=ended.work_id,
            outcome=ended.outcome,
            digest=ended.digest,
        )
        await self._call("EndWork", request)

    async def _call(self, method: str, request: Any) -> None:
        if self._stub is None:
            raise self._unchecked("its address is not set")
        try:
            with waiting_for(f"the {self._service} service"):
                await getattr(self._stub, method)(request, timeout=SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            info = _info(error)
            if info.reason in LEASE_OVER:
                raise ServiceError(
                    error.code(), info.reason, error.details() or "", metadata=dict(info.metadata)
                ) from None
            raise self._unchecked(f"it answers {error.code().name}") from None

    def _unchecked(self, why: str) -> ServiceError:
        return unavailable(
            f"Whether the lease holds cannot be checked at the {self._service} service now: {why}. Nothing was done "
            "under it. Try again shortly."
        )


@asynccontextmanager
async def remote_leases(
    settings: ServiceSettings,
    address: str,
    service: str,
    stub: Callable[[grpc.aio.Channel], Any],
    messages: Any,
) -> AsyncIterator[Leases]:
    """The service that gives leases, at an address; where that is empty, no lease counts.

    Args:
        settings: with which key, and with which certificates.
        address: `host:port`.
        service: its name, for people.
        stub: makes its stub, of the generated code.
        messages: the generated module of its requests.

    Raises:
        SystemExit: when callers are checked and the key to call with cannot be read.
    """
    key = own_key(settings)
    if not address:
        yield Leases(None, messages, key, service)
        return
    async with channel(address, settings.certificates()) as opened:
        yield Leases(stub(opened), messages, key, service)


def _info(error: grpc.aio.AioRpcError) -> ErrorInfo:
    info = ErrorInfo()
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # What stands between may answer with less than a status.
        return info
    details: Sequence[Any] = status.details if status else ()
    next((detail for detail in details if detail.Unpack(info)), None)
    return info
