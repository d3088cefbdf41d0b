"""What one caller's large bodies cost the others: a neighbour's p99 while each kind is sent without a pause."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value
from qmcp.tools.v1 import tools_service_pb2

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from benchmarks.systems import INVOKE, System

GOAL_MS = 50
PAUSE_SECONDS = 0.005
VALUES = 49_000
FIELDS = 200_000
TEXT = "x" * 3_900_000
GET = "qmcp.tools.v1.ToolsService/GetTool"
LIST = "qmcp.tools.v1.ToolsService/ListInvocations"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("A neighbour's GetTool beside one caller of large bodies")
    section.table = [("beside", "large calls", "p50 ms", "p99 ms", "p99 more than alone, ms")]
    with systems.tools(folder, edge=True) as system:
        alone = _neighbour(system, plan.seconds)
        section.table.append(("nobody", "0", *_written(alone), ""))
        worst = 0.0
        for name, call in _calls(system).items():
            with _without_pause(call) as made:
                times = _neighbour(system, plan.seconds)
            more = _percentile(times, 99) - _percentile(alone, 99)
            worst = max(worst, more)
            section.table.append((name, str(len(made)), *_written(times), f"{more:.1f}"))
    section.rows = [
        Row("a neighbour's p99 beside any large body, more than alone", f"≤ {GOAL_MS} ms", f"{worst:.0f} ms")
    ]
    return section


def _calls(system: System) -> Mapping[str, Any]:
    channel = grpc.insecure_channel(system.target, options=[("grpc.max_receive_message_length", -1)])

    def by_grpc(method: str, request: bytes) -> Any:
        rpc = channel.unary_unary(f"/{method}")

        def call() -> None:
            try:
                rpc(request)
            except grpc.RpcError as error:
                if error.code() not in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}:
                    raise

        return call

    def by_http(document: Any) -> Any:
        body = json.dumps({"input": document}, separators=(",", ":")).encode()
        http = httpx.Client(base_url=f"http://127.0.0.1:{system.http_port}", timeout=60)
        return lambda: http.post("/v1/tools/echo:invoke", content=body, headers={"content-type": "application/json"})

    def invoke(document: Mapping[str, Any]) -> bytes:
        struct = Struct()
        struct.update(document)
        return tools_service_pb2.InvokeToolRequest(name="echo", input=struct).SerializeToString()

    nested: Any = 1
    for _ in range(25):
        nested = [nested, "x" * 50]
    named = {f"{number:06}": "y" * 64 for number in range(VALUES // 2)}
    documents = {
        "3.9 MB of text": {"message": TEXT},
        f"{VALUES:,} nulls": {"message": "x", "more": [None] * VALUES},
        f"{len(named):,} named texts of 64 characters": {"message": "x", **named},
        "900 lists, each 25 deep": {"message": "x", "more": [nested] * 900},
    }
    fields = tools_service_pb2.InvokeToolRequest(name="echo")
    for number in range(FIELDS):
        fields.input.fields[f"{number}"].null_value = NULL_VALUE
    nulls = tools_service_pb2.InvokeToolRequest(name="echo")
    nulls.input["message"] = "x"
    nulls.input.fields["more"].list_value.values.extend([Value(null_value=NULL_VALUE)] * 900_000)
    return {
        **{f"gRPC: {name}": by_grpc(INVOKE, invoke(document)) for name, document in documents.items()},
        "gRPC: 900,000 nulls, refused": by_grpc(INVOKE, nulls.SerializeToString()),
        f"gRPC: a map of {FIELDS:,} names, refused": by_grpc(INVOKE, fields.SerializeToString()),
        **{f"HTTP/JSON: {name}": by_http(document) for name, document in documents.items()},
        "HTTP/JSON: 780,000 nulls, refused": by_http({"message": "x", "more": [None] * 780_000}),
        "HTTP/JSON: 1,300,000 empty lists, refused": by_http({"message": "x", "more": [[]] * 1_300_000}),
        "gRPC: a page of 50 of all these": by_grpc(LIST, b""),
    }


@contextmanager
def _without_pause(call: Any) -> Iterator[list[float]]:
    made: list[float] = []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            call()
            made.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()


def _neighbour(system: System, seconds: float) -> list[float]:
    return asyncio.run(_calls_beside(system.target, seconds))


async def _calls_beside(target: str, seconds: float) -> list[float]:
    times: list[float] = []
    request = tools_service_pb2.GetToolRequest(name="echo").SerializeToString()
    async with grpc.aio.insecure_channel(target) as channel:
        rpc = channel.unary_unary(f"/{GET}")

        async def one() -> None:
            started = time.perf_counter()
            await rpc(request)
            times.append((time.perf_counter() - started) * 1000)

        await one()
        until = time.monotonic() + seconds
        calls = []
        # One after the other would not see how many a stall delays.
        while time.monotonic() < until:
            calls.append(asyncio.create_task(one()))
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.gather(*calls)
    return times


def _percentile(times: list[float], percent: int) -> float:
    return sorted(times)[min(len(times) * percent // 100, len(times) - 1)]


def _written(times: list[float]) -> tuple[str, str]:
    return f"{_percentile(times, 50):.1f}", f"{_percentile(times, 99):.1f}"
