"""What Postgres refuses comes out as something that a caller can act on, through a real Postgres and a real server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from prometheus_client import CollectorRegistry
from qmcp.tools.v1 import tool_pb2, tools_service_pb2, tools_service_pb2_grpc

from servicekit.identity.authenticator import Keyless
from servicekit.postgres import Connection, Database
from servicekit.postgres import database as pool
from servicekit.server import Service, serving
from servicekit.settings import ServiceSettings

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]
CANARY = "text-of-the-driver"
Stub = tools_service_pb2_grpc.ToolsServiceStub


class Servicer(tools_service_pb2_grpc.ToolsServiceServicer):
    """Does with the database what a test asks for by the name of the tool."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._meeting = asyncio.Barrier(2)

    async def GetTool(self, request, context):
        async with self._db.transaction() as connection:
            what, _, how = request.name.partition(".")
            await getattr(self, what)(connection, how)
        return tool_pb2.Tool()

    async def raises(self, connection: Connection, sqlstate: str) -> None:
        await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION '{CANARY}' USING ERRCODE = '{sqlstate}'; END $$")

    async def deadlock(self, connection: Connection, first: str) -> None:
        second = {"1": "2", "2": "1"}[first]
        await connection.execute("SET LOCAL deadlock_timeout = '50ms'")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", int(first))
        await self._meeting.wait()
        await connection.execute("SELECT pg_advisory_xact_lock($1)", int(second))

    async def serialization(self, connection: Connection, own: str) -> None:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.fetch("SELECT count(*) FROM numbers")
        await self._meeting.wait()
        await connection.execute("UPDATE numbers SET value = value + 1")

    async def locked(self, connection: Connection, how: str) -> None:
        async with self._db.transaction() as other:
            await other.execute("LOCK TABLE numbers")
            setting = {"lock": "lock_timeout", "statement": "statement_timeout"}[how]
            await connection.execute(f"SET LOCAL {setting} = '50ms'")
            await connection.execute("UPDATE numbers SET value = 0")

    async def replica(self, connection: Connection, _: str) -> None:
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("UPDATE numbers SET value = 0")

    async def wrong(self, connection: Connection, _: str) -> None:
        await connection.execute("SELECT nothing FROM nowhere")


@pytest.fixture
async def stub(database: str) -> AsyncIterator[Stub]:
    settings = ServiceSettings(database_url=database, grpc_port=0)
    async with pool(database, 4, "test") as db:
        async with db.connection() as connection:
            await connection.execute("CREATE TABLE numbers AS SELECT 1 AS value")
        async with (
            serving(
                settings,
                [Service(DESCRIPTOR, Servicer(db))],
                authenticator=Keyless(),
                registry=CollectorRegistry(),
                checks={},
            ) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            yield Stub(channel)


async def told(stub: Stub, name: str) -> tuple[StatusCode, dict[str, str], bool]:
    """The code, the metadata, whether it says when to try again."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetTool(tools_service_pb2.GetToolRequest(name=name))
    trailers: dict[str, Any] = dict(caught.value.trailing_metadata() or ())
    assert CANARY not in str(caught.value)
    status = Status.FromString(trailers["grpc-status-details-bin"])
    info, retry = ErrorInfo(), RetryInfo()
    unpacked = [detail.Unpack(message) for detail in status.details for message in (info, retry)]
    assert unpacked
    assert info.reason in {caught.value.code().name, "INVALID_REQUEST"}
    return caught.value.code(), dict(info.metadata), retry.HasField("retry_delay")


async def test_of_two_that_block_each_other_one_may_try_again(stub: Stub) -> None:
    answers = await asyncio.gather(*(_outcome(stub, f"deadlock.{n}") for n in (1, 2)))
    assert sorted(answers) == ["done", "try again"]


async def test_of_two_that_cannot_be_put_in_order_one_may_try_again(stub: Stub) -> None:
    answers = await asyncio.gather(*(_outcome(stub, f"serialization.{n}") for n in (1, 2)))
    assert sorted(answers) == ["done", "try again"]


async def test_a_lock_that_is_not_to_be_had_may_be_tried_again(stub: Stub) -> None:
    code, _, retry = await told(stub, "locked.lock")
    assert (code, retry) == (StatusCode.UNAVAILABLE, True)


async def test_our_own_limit_of_a_statement_is_a_deadline_that_names_it(stub: Stub) -> None:
    code, metadata, _ = await told(stub, "locked.statement")
    assert code is StatusCode.DEADLINE_EXCEEDED
    assert metadata["waited_for"] == "a statement of the database"


async def test_a_server_that_takes_no_writes_is_one_to_come_back_to(stub: Stub) -> None:
    code, _, retry = await told(stub, "replica")
    assert (code, retry) == (StatusCode.UNAVAILABLE, True)


@pytest.mark.parametrize(
    "sqlstate", ["08006", "25006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "57P02", "57P03", "58030"]
)
async def test_what_passes_may_be_tried_again(stub: Stub, sqlstate: str) -> None:
    code, _, retry = await told(stub, f"raises.{sqlstate}")
    assert (code, retry) == (StatusCode.UNAVAILABLE, True)


async def test_a_text_that_cannot_be_stored_is_the_callers(stub: Stub) -> None:
    assert (await told(stub, "raises.22021"))[0] is StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("name", ["wrong", "raises.23505", "raises.P0001"])
async def test_what_does_not_pass_is_a_fault_of_ours(stub: Stub, name: str) -> None:
    code, _, retry = await told(stub, name)
    assert (code, retry) == (StatusCode.INTERNAL, False)


async def _outcome(stub: Stub, name: str) -> str:
    try:
        await stub.GetTool(tools_service_pb2.GetToolRequest(name=name))
    except grpc.aio.AioRpcError as error:
        trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
        status = Status.FromString(trailers["grpc-status-details-bin"])
        retry = any(detail.Is(RetryInfo.DESCRIPTOR) for detail in status.details)
        return "try again" if error.code() is StatusCode.UNAVAILABLE and retry else str(error)
    return "done"
