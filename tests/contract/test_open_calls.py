"""Whatever is open ends with the credential that it was opened with, on every replica: streams, waits, long calls."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.access.v1 import role_pb2

import servicekit.postgres
from servicekit.methods import CallKind, methods_of
from tests.access import environment
from tests.access.environment import Access, Files, with_key
from tests.contract.running import Answer, Refusal, Running, connected, refusal
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS
from tests.servicekit.issuer import AUDIENCE, Issuer, serving_issuer
from tests.stack import Server

# No more than a guard against hanging.
GUARD_SECONDS = 120.0
# So that nothing but an announcement, or the end that was known before, explains what is seen.
NEVER_FORGOTTEN = 600
FIRST_LIFETIME_SECONDS = 3


@pytest.fixture(params=[each for each in SUBJECTS if each.lasting], ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    """Those that have such calls."""
    found: Subject = request.param
    return found


class System:
    """Access, an issuer of tokens, and two replicas of the service, the tables that keep its calls open held."""

    def __init__(self, subject: Subject, access: Access, issuer: Issuer, replicas: list[Running]) -> None:
        self.subject = subject
        self.access = access
        self.issuer = issuer
        self.replicas = replicas

    def call(self, replica: Running, method: str, metadata: dict[str, str]) -> "asyncio.Task[Refusal | str]":
        return asyncio.create_task(self._ended(replica, method, metadata), name=method)

    async def _ended(self, replica: Running, method: str, metadata: dict[str, str]) -> Refusal | str:
        """How a call ends, whatever it answers before."""
        request = self.subject.lasting[method].request
        if replica.service.methods_by_name[method].client_streaming:
            return await self._uploaded(replica, method, metadata)
        if not replica.service.methods_by_name[method].server_streaming:
            answer = await replica.call(method, request, metadata, GUARD_SECONDS)
            return "answered" if isinstance(answer, Answer) else answer
        rpc = replica.channel.unary_stream(f"/{replica.service.full_name}/{method}")
        call = rpc(request.SerializeToString(), metadata=tuple(metadata.items()), timeout=GUARD_SECONDS)
        try:
            while await call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return "ended as if nothing had happened"

    async def _uploaded(self, replica: Running, method: str, metadata: dict[str, str]) -> Refusal | str:
        """The same of an RPC that takes a stream, of which there is no end."""

        async def endless() -> AsyncIterator[bytes]:
            yield self.subject.lasting[method].request.SerializeToString()
            await asyncio.Event().wait()

        streams = replica.service.methods_by_name[method].server_streaming
        opened = replica.channel.stream_stream if streams else replica.channel.stream_unary
        rpc: Any = opened(f"/{replica.service.full_name}/{method}")
        try:
            call = rpc(endless(), metadata=tuple(metadata.items()), timeout=GUARD_SECONDS)
            await (call.read() if streams else call)
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return "ended as if nothing had happened"

    def open(self, credential: Callable[[], dict[str, str]]) -> "list[asyncio.Task[Refusal | str]]":
        """Every lasting RPC on every replica."""
        return [
            self.call(replica, method, credential()) for method in self.subject.lasting for replica in self.replicas
        ]

    async def until_used(self, key_ids: set[str]) -> None:
        """Until all of these keys have been let in."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                keys = (await self.access.must("ListKeys", page_size=500)).keys
                if key_ids <= {key.id for key in keys if key.HasField("last_used_at")}:
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def guarded(subject: Subject, database: str, access_database: str, folder: Path) -> AsyncIterator[System]:
    files = Files.made(folder / "keys")
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(serving_issuer())
        common = {
            "access_remember_seconds": NEVER_FORGOTTEN,
            # Every call waits with a connection of its own.
            "database_long_reads": 100,
            "database_pool_size": 50,
            "oidc_issuer": issuer.url,
            "oidc_audience": AUDIENCE,
        }
        access = await stack.enter_async_context(environment.access(access_database, files, **common))
        replicas = []
        if subject.service is environment.ACCESS:
            other = await stack.enter_async_context(environment.access(access_database, files, **common))
            replicas = [access.running, other.running]
        else:
            for _ in range(2):
                settings = files.of_service(access.port, **subject.variables(folder), **common)
                server = await stack.enter_async_context(
                    subject.compose(subject.settings(database_url=database, **settings))
                )
                replicas.append(await stack.enter_async_context(connected(subject.service, server.port)))
        tables = {lasting.table for lasting in subject.lasting.values() if lasting.table}
        await stack.enter_async_context(held(database, tables))
        yield System(subject, access, issuer, replicas)


@asynccontextmanager
async def held(database: str, tables: set[str]) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            for table in tables:
                await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


@pytest.fixture
async def system(
    subject: Subject, database: str, postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[System]:
    # Else a slow machine ends what waits for the tables.
    monkeypatch.setattr(servicekit.postgres, "STATEMENT_TIMEOUT_MS", 600_000)
    if subject.service is environment.ACCESS:
        async with guarded(subject, database, database, tmp_path) as made:
            yield made
        return
    async with (
        postgres.database("access") as access_database,
        guarded(subject, database, access_database, tmp_path) as made,
    ):
        yield made


async def ended(calls: "list[asyncio.Task[Refusal | str]]") -> list[tuple[str, str]]:
    """The code of each and its reason."""
    outcomes = await asyncio.wait_for(asyncio.gather(*calls), GUARD_SECONDS)
    return [(each, "") if isinstance(each, str) else (each.code.name, each.reason) for each in outcomes]


def test_every_rpc_that_may_outlast_its_credential_is_here() -> None:
    for subject in SUBJECTS:
        lasting = {method.name for method in methods_of(subject.service) if method.call_kind is not CallKind.QUICK}
        assert lasting == set(subject.lasting), subject.name


@pytest.mark.promise("Q40")
async def test_what_is_open_ends_when_its_key_is_revoked_or_disabled_or_its_role_grants_it_no_more(
    system: System,
) -> None:
    methods = methods_of(system.subject.service)
    needed = sorted({method.permission for method in methods if method.call_kind is not CallKind.QUICK})
    for role in ("lasting", "narrowed"):
        await system.access.role(role, *needed, "x.y")
    opened: dict[str, list[asyncio.Task[Refusal | str]]] = {}
    issued: dict[str, Any] = {}
    for how, role in (("revoked", "lasting"), ("disabled", "lasting"), ("role", "narrowed"), ("standing", "lasting")):
        calls = len(system.subject.lasting) * len(system.replicas)
        keys = await asyncio.gather(*(system.access.key(role, owner=f"{how}-{n}") for n in range(calls)))
        sent = iter(keys)
        issued[how] = keys
        opened[how] = system.open(lambda sent=sent: with_key(next(sent).api_key))
    await system.until_used({key.key.id for keys in issued.values() for key in keys})
    assert not any(call.done() for calls in opened.values() for call in calls)

    for verb, how in (("RevokeKey", "revoked"), ("DisableKey", "disabled")):
        await asyncio.gather(*(system.access.must(verb, id=key.key.id) for key in issued[how]))
        assert set(await ended(opened[how])) == {("UNAUTHENTICATED", "UNAUTHENTICATED")}
    await system.access.must("UpdateRole", role=role_pb2.Role(name="narrowed", permissions=["x.y"]))
    assert set(await ended(opened["role"])) == {("PERMISSION_DENIED", "PERMISSION_DENIED")}
    # The others' end has ended nobody else's.
    assert not any(call.done() for call in opened["standing"])
    for call in opened["standing"]:
        call.cancel()
    await asyncio.gather(*opened["standing"], return_exceptions=True)


async def test_what_is_open_ends_when_the_time_of_its_key_or_token_is_up(system: System) -> None:
    needed = sorted({method.permission for method in methods_of(system.subject.service)})
    await system.access.role("lasting", *needed)
    lifetime = FIRST_LIFETIME_SECONDS
    while True:
        until = time.time() + lifetime
        key = await system.access.key("lasting", expires_at=Timestamp(nanos=0, seconds=int(until)))
        token = system.issuer.token(exp=int(until), roles=["lasting"])
        headers = [with_key(key.api_key), {"authorization": f"Bearer {token}"}]
        calls = [call for sent in headers for call in system.open(lambda sent=sent: sent)]
        outcomes = await asyncio.wait_for(asyncio.gather(*calls), GUARD_SECONDS)
        assert all(isinstance(each, Refusal) and each.code.name == "UNAUTHENTICATED" for each in outcomes), outcomes
        if all("while the call was open" in each.message for each in outcomes if isinstance(each, Refusal)):
            break
        # On a busy machine some came too late; they get more time.
        lifetime *= 2
        assert lifetime < GUARD_SECONDS
