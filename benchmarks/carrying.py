"""What a document costs on its way into a service and out: as a google.protobuf.Struct, as now, or as JSON text."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from qmcp.tools.v1 import invocation_pb2, tools_service_pb2

from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from servicekit.http_json.reading import read, value_of
from servicekit.http_json.writing import write
from servicekit.json_values import document, fill_struct

TIMES = 300
ROUNDS = 7
DOCUMENTS: dict[str, dict[str, Any]] = {
    "hello": {"message": "hello"},
    "an order of 200 values": {
        "customer": {"name": "Ada", "number": 1815, "tags": ["a", "b"]},
        "lines": [{"sku": f"A-{n}", "count": n, "price": n / 4, "gift": n % 2 == 0} for n in range(48)],
    },
    "10,000 numbers": {"values": list(range(10_000))},
}
Call = Callable[[], Any]
Request, Invocation = tools_service_pb2.InvokeToolRequest, invocation_pb2.Invocation


def bench(folder: Path, plan: Plan) -> Section:
    del folder, plan
    section = Section("A document into a service and out: CPU µs")
    section.table = [("", "in: Struct, as now", "in: text", "out: Struct, as now", "out: text")]
    for name, value in DOCUMENTS.items():
        for way, calls in (("gRPC", _over_grpc(value)), ("HTTP", _over_http(value))):
            section.table.append((f"{name}, {way}", *(f"{_micros(each):,.1f}" for each in calls)))
    section.rows = [Row("a document as text, against a Struct", "measured before deciding", "see the table")]
    section.notes = [
        "Parsing, strictness, and the document in Python; and back to bytes. The least of seven rounds.",
        "HTTP by text reads the whole body as the document, and writes nothing else of an answer: a floor.",
    ]
    return section


def _over_grpc(value: dict[str, Any]) -> list[Call]:
    """In by Struct and by text, out by Struct and by text."""
    by_struct, by_text = Request(name="echo"), Request(name="echo", input_json=json.dumps(value))
    fill_struct(by_struct.input, value)
    sent, sent_text = by_struct.SerializeToString(), by_text.SerializeToString()
    return [
        lambda: document(Request.FromString(sent).input, "input"),
        lambda: value_of(Request.FromString(sent_text).input_json, "input", is_object=True),
        lambda: _answered(value).SerializeToString(),
        lambda: Invocation(result_json=orjson.dumps(value).decode()).SerializeToString(),
    ]


def _over_http(value: dict[str, Any]) -> list[Call]:
    body = json.dumps({"input": value}).encode()

    def by_struct() -> Any:
        message: Any = read(body, Request(), "*")
        return document(message.input, "input")

    return [
        by_struct,
        lambda: value_of(body.decode(), "input", is_object=True),
        lambda: write(_answered(value)),
        lambda: orjson.dumps({"result": value}),
    ]


def _answered(value: dict[str, Any]) -> invocation_pb2.Invocation:
    made = Invocation()
    fill_struct(made.result.struct_value, value)
    return made


def _micros(call: Call) -> float:
    started = time.process_time()
    call()
    times = max(3, min(TIMES, int(0.1 / max(time.process_time() - started, 1e-6))))
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(times):
            call()
        rounds.append((time.process_time() - started) / times)
    return min(rounds) * 1e6
