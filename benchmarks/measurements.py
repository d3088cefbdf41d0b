"""Events a second as columns, as rows and as JSON through Envoy, durable when answered, beside the original's shape."""

import json
import random
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from google.protobuf.message import Message
from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2

from benchmarks import load, systems
from benchmarks.measuring import Contender, Plan, measure
from benchmarks.peers import serving
from benchmarks.peers.environments import version_of
from benchmarks.processes import cpu_seconds, python
from benchmarks.report import Row, Section
from benchmarks.systems import System

BATCHES = (1, 100, 1_000, 10_000)
IN_FLIGHT = 16
COLUMNS, ROWS, JSON, ORIGINAL = "columns over gRPC", "rows over gRPC", "JSON through Envoy", "original's shape"
# Ours, the batch, the goal against the original's shape with batches of the same size.
GOALS = ((COLUMNS, 10_000, "≥ 20x"), (ROWS, 1_000, "≥ 8x"), (JSON, 100, "≥ 2x"))
SERVICE = "/qmcp.metrics.v1.MetricsService/"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("Metrics: events a second, durable when they are answered", table=[("", *map(str, BATCHES))])
    rates: dict[tuple[str, int], float] = {}
    with ExitStack() as started:
        system = started.enter_context(systems.metrics(folder, edge=True))
        peer = started.enter_context(serving.original_metrics(folder))
        section.notes.append(f"{ORIGINAL}: {version_of('original')}, WAL with synchronous=FULL; {IN_FLIGHT} in flight.")
        for batch in BATCHES:
            contenders = [*_ours(folder, system, batch), _peer(peer, batch)]
            figures = measure(contenders, Plan((IN_FLIGHT,), plan.rounds, plan.seconds))
            rates |= {(name, batch): figure.rate * batch for (name, _), figure in figures.items()}
    for name in (COLUMNS, ROWS, JSON, ORIGINAL):
        section.table.append((name, *(f"{rates[name, batch]:,.0f}" for batch in BATCHES)))
    section.rows = [
        Row(
            f"{name} against {ORIGINAL}, batches of {batch:,}",
            goal,
            f"{rates[name, batch] / rates[ORIGINAL, batch]:.1f}x" if rates[ORIGINAL, batch] else "too short a round",
        )
        for name, batch, goal in GOALS
    ]
    return section


def _ours(folder: Path, system: System, batch: int) -> list[Contender]:
    body = _json(batch)
    url = f"http://127.0.0.1:{system.http_port}/metrics"
    return [
        over_grpc(folder, system, COLUMNS, columns(batch)),
        over_grpc(folder, system, ROWS, _rows(batch)),
        Contender(
            JSON,
            lambda in_flight, seconds: load.http(url, body, in_flight, seconds),
            lambda: {each: system.cpu(each) for each in ("metrics", "envoy", "postgres")},
        ),
    ]


def over_grpc(folder: Path, system: System, name: str, request: Message) -> Contender:
    """One request, sent over and over to the service."""
    method = request.DESCRIPTOR.name.removesuffix("Request")
    file = folder / f"{method}-{request.ByteSize()}"
    file.write_bytes(request.SerializeToString())

    def call(in_flight: int, seconds: float) -> load.Load:
        command = ["-m", "benchmarks.measurement_load", system.target, SERVICE + method, str(file)]
        found = json.loads(load.run(python(*command, str(in_flight), str(seconds)))[0])
        times = *(found[f"p{each}_ms"] for each in (50, 95, 99)), found["cpu"] / found["seconds"]
        return load.Load(in_flight, found["seconds"], found["calls"], found["failed"], *times)

    return Contender(name, call, lambda: {each: system.cpu(each) for each in ("metrics", "postgres")})


def _peer(peer: serving.Peer, batch: int) -> Contender:
    body = _json(batch)
    return Contender(
        ORIGINAL,
        lambda in_flight, seconds: load.http(peer.url, body, in_flight, seconds),
        lambda: {"server": cpu_seconds(peer.pids)},
    )


def events(batch: int) -> Sequence[tuple[str, float, float, dict[str, str]]]:
    """Type, value, duration and dimensions: those of twenty tools, called in two ways."""
    chance = random.Random(batch)
    return [
        (
            "tool_execution",
            chance.random(),
            chance.expovariate(0.01),
            {"tool_name": f"tool-{chance.randrange(20)}", "success": chance.choice(("true", "false"))},
        )
        for _ in range(batch)
    ]


def _rows(batch: int) -> metrics_service_pb2.IngestMetricsRequest:
    return metrics_service_pb2.IngestMetricsRequest(
        service="bench",
        metrics=[
            metric_pb2.Metric(type=kind, value=value, duration_ms=duration, dimensions=dimensions)
            for kind, value, duration, dimensions in events(batch)
        ],
    )


def columns(batch: int) -> metrics_service_pb2.IngestMetricColumnsRequest:
    """The same as columns."""
    found = events(batch)
    named = sorted({(kind, tuple(sorted(dimensions.items()))) for kind, _, _, dimensions in found})
    index = [named.index((kind, tuple(sorted(dimensions.items())))) for kind, _, _, dimensions in found]
    return metrics_service_pb2.IngestMetricColumnsRequest(
        service="bench",
        series=[metric_pb2.ColumnSeries(type=kind, dimensions=dict(dimensions)) for kind, dimensions in named],
        series_index=struct.pack(f"<{batch}I", *index),
        value=struct.pack(f"<{batch}d", *(value for _, value, _, _ in found)),
        durations_ms=struct.pack(f"<{batch}d", *(duration for _, _, duration, _ in found)),
    )


def _json(batch: int) -> str:
    metrics = [
        {"type": kind, "value": value, "duration_ms": duration, "dimensions": dimensions}
        for kind, value, duration, dimensions in events(batch)
    ]
    return json.dumps({"service": "bench", "metrics": metrics})
