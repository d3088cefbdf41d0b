"""What surrounds every call: ids, errors that leak nothing, identity before existence, deadlines and room."""

import asyncio
from contextlib import nullcontext

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from prometheus_client import CollectorRegistry, generate_latest
from qmcp.tools.v1 import invocation_pb2, tools_service_pb2, tools_service_pb2_grpc

from servicekit.errors import ServiceError, not_found, unauthenticated
from servicekit.identity.principal import Principal
from servicekit.interceptors import deadline
from servicekit.request_context import current_context
from servicekit.server import Service, serving
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for
from tests.servicekit import raw_http2
from tests.wire import until

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]
CANARY = "secret-of-the-inside"


class Servicer(tools_service_pb2_grpc.ToolsServiceServicer):
    """Does what a test asks for by the name of the tool."""

    def __init__(self):
        self.calls = []
        self.streaming = 0

    async def GetTool(self, request, context):
        self.calls.append(request.name)
        match request.name:
            case "slow":
                with waiting_for("somebody"), waiting_for("a friend"):
                    await asyncio.sleep(30)
            case "known":
                raise not_found("TOOL_NOT_FOUND", "none", tool="known")
            case "database":
                raise ConnectionRefusedError(CANARY)
            case "ids":
                call = current_context.get()
                raise not_found("TOOL_NOT_FOUND", f"{call.request_id} {call.correlation_id} {call.principal.name}")
            case _:
                raise LookupError(CANARY)

    async def WatchInvocation(self, request, context):
        self.streaming += 1
        try:
            for number in range(1_000):
                yield invocation_pb2.InvocationEvent(sequence=number, progress={"message": "x" * 100_000})
        finally:
            self.streaming -= 1


class Doors:
    """An authenticator: the key `good` may read, `idle` may nothing."""

    async def authenticate(self, call):
        match call.header("x-api-key"):
            case "good":
                return Principal("good", frozenset({"tools.read"}))
            case "idle":
                return Principal("idle", frozenset())
            case _:
                raise unauthenticated("No.")

    def denied(self, call, error):
        """Not looked at here."""

    def opened(self, call):
        """Nothing ends it."""
        del call
        return nullcontext()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def servicer():
    return Servicer()


@pytest.fixture
async def port(registry, servicer):
    settings = ServiceSettings(
        database_url="postgresql://nowhere",
        grpc_port=0,
        default_deadline_seconds=0.3,
        max_concurrent_calls=2,
        max_unread_seconds=0.3,
    )
    service = [Service(DESCRIPTOR, servicer)]
    async with serving(settings, service, authenticator=Doors(), registry=registry, checks={}) as server:
        yield server.port


@pytest.fixture
async def stub(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield tools_service_pb2_grpc.ToolsServiceStub(channel)


async def refused(stub, name="any", key="good", seconds=None, **metadata):
    headers = (("x-api-key", key), *((k.replace("_", "-"), v) for k, v in metadata.items()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetTool(tools_service_pb2.GetToolRequest(name=name), metadata=headers, timeout=seconds)
    return caught.value


async def raw_call(port, headers):
    message = tools_service_pb2.GetToolRequest(name="ids").SerializeToString()
    return await raw_http2.call(port, f"/{DESCRIPTOR.full_name}/GetTool", headers, message)


async def test_what_was_not_foreseen_is_internal_and_tells_nothing(stub):
    error = await refused(stub)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert CANARY not in error.details() + repr(error.trailing_metadata())


async def test_a_database_that_is_away_is_unavailable(stub):
    error = await refused(stub, "database")
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert CANARY not in error.details()


async def test_ids_of_the_caller_are_kept_and_missing_ones_are_made(stub):
    given = await refused(stub, "ids", x_request_id="mine", x_correlation_id="ours")
    assert given.details() == "mine ours good"
    assert dict(given.trailing_metadata())["x-correlation-id"] == "ours"
    made = (await refused(stub, "ids")).details().split()
    assert all(len(part) == 16 and int(part, 16) >= 0 for part in made[:2])
    whole = await refused(stub, "ids", x_correlation_id="x" * 128)
    assert whole.details().split()[1] == "x" * 128


@pytest.mark.parametrize("header", ["x-request-id", "x-correlation-id", "idempotency-key"])
async def test_an_id_that_is_too_long_is_refused_before_anything_runs(stub, header):
    error = await refused(stub, "known", **{header.replace("-", "_"): "x" * 129})
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == f"{header} must be printable ASCII, at most 128 characters."
    assert len(dict(error.trailing_metadata())["x-correlation-id"]) <= 128


@pytest.mark.parametrize("value", [b"secret\xa0", "secret\u00a0".encode(), "secretü".encode()])
@pytest.mark.parametrize(
    "header", ["x-api-key", "authorization", "x-correlation-id", "x-request-id", "idempotency-key"]
)
async def test_a_header_that_is_not_ascii_is_refused_and_written_nowhere(port, servicer, caplog, capfd, header, value):
    answer = await raw_call(port, {"x-api-key": b"good", header: value})
    assert f"{header} must be printable ASCII".encode() in answer
    assert not servicer.calls
    assert "secret" not in caplog.text + "".join(capfd.readouterr())


async def test_the_same_call_with_a_sound_header_reaches_the_servicer(port, servicer):
    assert b"mine" in await raw_call(port, {"x-api-key": b"good", "x-correlation-id": b"mine"})
    assert servicer.calls == ["ids"]


async def test_who_may_not_is_told_before_anything_is_looked_up(stub):
    assert (await refused(stub, "known", key="idle")).code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(stub, "known", key="bad")).code() is grpc.StatusCode.UNAUTHENTICATED
    assert (await refused(stub, "known")).code() is grpc.StatusCode.NOT_FOUND


async def test_a_call_without_a_deadline_gets_one(stub):
    assert (await refused(stub, "slow")).code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_caller_is_told_before_its_own_deadline_what_was_waited_for(stub, monkeypatch):
    # Nearly all of the time is kept back, so that a slow machine still answers in it.
    monkeypatch.setattr(deadline, "HEADROOM_SECONDS", 20)
    monkeypatch.setattr(deadline, "HEADROOM_SHARE", 0.98)
    error = await refused(stub, "slow", seconds=20)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.metadata["waited_for"]) == ("DEADLINE_EXCEEDED", "a friend")
    assert "while it waited for a friend" in error.details()


@pytest.mark.parametrize(
    ("remaining", "default", "seconds"),
    [(None, 30, 30), (None, None, None), (10, 30, 9.98), (0.1, None, 0.09), (0.01, 30, 0.009)],
)
def test_a_little_of_the_callers_time_is_kept_back_to_answer(remaining, default, seconds):
    found = deadline.working_time(remaining, default)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("remaining", [0.002, 0, -1])
def test_work_that_cannot_end_in_time_is_not_begun(remaining):
    with pytest.raises(ServiceError, match="DEADLINE_EXCEEDED: The call came with too little time") as caught:
        deadline.working_time(remaining, 30)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_calls_past_the_bound_are_refused_at_once(stub):
    waiting = [asyncio.create_task(refused(stub, "slow")) for _ in range(2)]
    await asyncio.sleep(0.1)
    error = await refused(stub, "known")
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await asyncio.gather(*waiting)
    assert (await refused(stub, "known")).code() is grpc.StatusCode.NOT_FOUND


async def test_every_outcome_is_counted(stub, registry):
    await refused(stub, "known")
    await refused(stub, "known", key="bad")
    method = "/qmcp.tools.v1.ToolsService/GetTool"
    # A caller may have its answer a moment before it is counted.
    await until(lambda: _counted(registry, method, 2))
    page = generate_latest(registry).decode()
    for code in ("NOT_FOUND", "UNAUTHENTICATED"):
        assert f'qmcp_grpc_requests_total{{code="{code}",method="{method}"}} 1.0' in page
    assert f'qmcp_grpc_request_duration_seconds_count{{kind="quick",method="{method}"}} 2.0' in page


async def _counted(registry, method: str, calls: int) -> bool:
    labels = {"method": method, "kind": "quick"}
    return registry.get_sample_value("qmcp_grpc_request_duration_seconds_count", labels) == calls


def test_an_error_says_what_it_is():
    assert str(not_found("TOOL_NOT_FOUND", "There is none.")) == "TOOL_NOT_FOUND: There is none."
    assert isinstance(unauthenticated("x"), ServiceError)


async def read_out(call):
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("transcoded", [False, True])
async def test_a_stream_that_nobody_reads_is_ended_and_what_it_holds_is_given_back(port, stub, servicer, transcoded):
    headers = (("x-api-key", "good"), *((("x-envoy-original-method", "GET"),) if transcoded else ()))
    path = f"/{DESCRIPTOR.full_name}/WatchInvocation"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        # Bytes, for what was transcoded comes in another message.
        request = tools_service_pb2.WatchInvocationRequest(id="any").SerializeToString()
        call = channel.unary_stream(path)(request, metadata=headers)
        assert await call.read()
        assert servicer.streaming == 1

        async def given_back():
            return servicer.streaming == 0

        await until(given_back, 30)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_out(call)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    status = Status.FromString(dict(ended.value.trailing_metadata())["grpc-status-details-bin"])
    info = ErrorInfo()
    status.details[0].Unpack(info)
    assert (info.reason, info.metadata["waited_for"]) == ("DEADLINE_EXCEEDED", "the reader of the stream")
