"""What grows with a body is done beside the loop, and what may come in is counted."""

import asyncio
import threading
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from qmcp.tools.v1 import tool_pb2, tools_service_pb2

from servicekit.errors import ServiceError
from servicekit.identity.principal import NOBODY, Principal
from servicekit.interceptors.reading import deserializer, reading
from servicekit.json_values import MAX_VALUES, require_few
from servicekit.large import LARGE_BYTES, LARGE_VALUES, about, beside
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext, current_context

GUARD_SECONDS = 60.0
CALL: ContextVar[str] = ContextVar("call")


def where() -> tuple[int, str]:
    return threading.get_ident(), CALL.get()


async def test_a_large_body_is_worked_on_in_another_thread_with_the_context_of_its_call() -> None:
    CALL.set("mine")
    assert await beside(LARGE_BYTES - 1, where) == (threading.get_ident(), "mine")
    thread, call = await beside(LARGE_BYTES, where)
    assert thread != threading.get_ident()
    assert call == "mine"
    # One for all: more would only have the loop wait longer.
    assert (await beside(LARGE_BYTES, where))[0] == thread


async def test_callers_take_turns_whatever_one_of_them_has_waiting() -> None:
    done: list[str] = []
    holding = threading.Event()
    service = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]

    def work(name: str) -> None:
        holding.wait(GUARD_SECONDS)
        done.append(name)

    async def call(name: str, address: str = "") -> None:
        principal = Principal(name, frozenset()) if name else NOBODY
        current_context.set(RequestContext({}, methods_of(service)[0], address=address, principal=principal))
        await beside(LARGE_BYTES, work, name or address)

    async with asyncio.TaskGroup() as calls:
        for _ in range(20):
            calls.create_task(call("greedy"))
        for name, address in (("modest", ""), ("", "192.0.2.1")):
            calls.create_task(call(name, address))
        await asyncio.sleep(0)
        holding.set()
    assert set(done[:4]) == {"greedy", "modest", "192.0.2.1"}
    assert len(done) == 22


async def test_a_large_request_is_read_in_the_other_thread_by_whoever_may_call() -> None:
    read_in: list[int] = []

    class Noting:
        @staticmethod
        def FromString(serialized: bytes) -> bytes:
            read_in.append(threading.get_ident())
            return serialized

    async def handler(request: Any, context: Any, call: Any) -> Any:
        del context, call
        return request

    service = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]
    method: Any = replace(methods_of(service)[0], request_class=Noting, client_streaming=False)
    nothing: Any = None
    for size, elsewhere in ((LARGE_BYTES - 1, False), (LARGE_BYTES, True)):
        request = deserializer(method)(bytes(size))
        assert len(read_in) == (not elsewhere), "a large one is not read by gRPC, on the loop"
        call = RequestContext({}, method)
        assert await reading(method, handler)(request, nothing, call) == bytes(size)
        assert call.large_bytes == (size if elsewhere else 0)
        assert (read_in.pop() != threading.get_ident()) == elsewhere


@pytest.mark.parametrize(
    "value", ["x" * LARGE_BYTES, [None] * LARGE_VALUES, {"a": ["x" * LARGE_BYTES]}, [[1] * 999] * 9]
)
def test_what_is_large_is_seen(value: object) -> None:
    assert about(value) >= LARGE_BYTES


@pytest.mark.parametrize("value", [None, 1, "x", {"a": [1, "b" * 100]}, object()])
def test_what_is_small_is_seen(value: object) -> None:
    assert about(value) < LARGE_BYTES


def nulls(count: int) -> Value:
    return Value(list_value=ListValue(values=[Value(null_value=0)] * count))  # type: ignore[arg-type]


@pytest.mark.parametrize("inside", ["input", "input.more", "tool.input_schema"])
def test_more_values_than_may_be_are_refused_wherever_they_stand(inside: str) -> None:
    def request(count: int) -> tools_service_pb2.InvokeToolRequest | tools_service_pb2.CreateToolRequest:
        if inside == "tool.input_schema":
            schema = Struct(fields={"enum": nulls(count - 1)})
            return tools_service_pb2.CreateToolRequest(tool=tool_pb2.Tool(input_schema=schema))
        if inside == "input":
            fields = {f"{number}": Value(bool_value=True) for number in range(count)}
            return tools_service_pb2.InvokeToolRequest(input=Struct(fields=fields))
        return tools_service_pb2.InvokeToolRequest(input=Struct(fields={"more": nulls(count - 1)}))

    require_few(request(MAX_VALUES))
    with pytest.raises(ServiceError, match="50,000 values"):
        require_few(request(MAX_VALUES + 1))
