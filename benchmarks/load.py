"""The generators of load, compiled programs all: ghz for gRPC, wrk for HTTP/1.1, h2load for open loops."""

import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOAD_CORES, ROOT, on_cores

HOW_TO_GET = {
    "ghz": "go install github.com/bojand/ghz/cmd/ghz@latest",
    "wrk": "apt-get install wrk",
    "h2load": "apt-get install nghttp2-client",
    "psql": "apt-get install postgresql-client, or the embedded Postgres's own",
    "victoria-metrics": "apt-get install victoria-metrics",
    "pgbench": "apt-get install postgresql-contrib, or the embedded Postgres's own",
}
# One core carries this many seconds of load a second before it limits what is measured.
SATURATED = 0.9


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of load came to."""

    in_flight: int
    seconds: float
    acknowledged: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    # Cores that the generator kept busy.
    generator: float

    @property
    def rate(self) -> float:
        """Acknowledged calls a second."""
        return self.acknowledged / self.seconds


class MissingToolError(Exception):
    """A program that is needed is not installed; the text says how to get it."""


def tool(name: str) -> str:
    """The path of a generator."""
    found = shutil.which(name) or shutil.which(name, path=str(Path.home() / "go" / "bin"))
    if found is None:
        raise MissingToolError(f"{name} is not installed: {HOW_TO_GET[name]}")
    return found


def connections(in_flight: int) -> int:
    """Of HTTP/2, which carries many calls on one; a few, as a handful of clients would have."""
    return max(1, in_flight // 8)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, float]:
    """Runs a program on the cores of the load; gives its output, and the CPU seconds it used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client"))
    done = subprocess.run(
        on_cores(LOAD_CORES, command),
        env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def grpc(
    target: str,
    method: str,
    body: bytes,
    descriptors: Path,
    in_flight: int,
    seconds: float,
    metadata: Mapping[str, str] | None = None,
) -> Load:
    """Closed loop over gRPC. `{{.UUID}}` in the metadata is another one each call."""
    with tempfile.TemporaryDirectory() as folder:
        # Serialized once and for all: made from JSON anew each call, it would cost more than the call.
        data = Path(folder) / "body.bin"
        data.write_bytes(body)
        output, cpu = run(
            [
                *(tool("ghz"), "--insecure", "--protoset", str(descriptors), "--call", method),
                *("--binary-file", str(data), "--metadata", json.dumps(dict(metadata or {}))),
                *("--concurrency", str(in_flight), "--connections", str(connections(in_flight))),
                *("--duration", f"{seconds}s", "--duration-stop", "wait", "--timeout", "20s"),
                *("--format", "json", "--cpus", str(len(LOAD_CORES)), target),
            ]
        )
    report = json.loads(output)
    acknowledged = report.get("statusCodeDistribution", {}).get("OK", 0)
    at = {entry["percentage"]: entry["latency"] / 1e6 for entry in report.get("latencyDistribution") or ()}
    elapsed = report["total"] / 1e9
    p50, p95, p99 = (at.get(percentage, 0) for percentage in (50, 95, 99))
    return Load(in_flight, elapsed, acknowledged, report["count"] - acknowledged, p50, p95, p99, cpu / elapsed)


WRK_SCRIPT = """
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init(args)
  math.randomseed(os.time() + number * 7919)
  run, count = string.format("%08x-%d-", math.random(0, 0x7fffffff), number), 0
  headers = { ["Content-Type"] = "application/json", %HEADERS% }
  body = %BODY%
end
function request()
  count = count + 1
  headers["Idempotency-Key"] = run .. count
  return wrk.format("POST", nil, headers, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests,
    e.connect + e.read + e.write + e.timeout + e.status, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""


def http(url: str, body: str, in_flight: int, seconds: float, headers: Mapping[str, str] | None = None) -> Load:
    """Closed loop of POSTs over HTTP/1.1, a connection for each in flight, another Idempotency-Key each call."""
    given = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in (headers or {}).items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT.replace("%HEADERS%", given).replace("%BODY%", json.dumps(body)))
        script.flush()
        output, cpu = run(
            [
                *(tool("wrk"), "--threads", "1", "--connections", str(in_flight), "--duration", f"{seconds:.0f}s"),
                *("--timeout", "20s", "--script", script.name, url),
            ]
        )
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$", output, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk reported nothing: {output}")
    count, failed, microseconds, p50, p95, p99 = map(int, found.groups())
    elapsed = microseconds / 1e6
    return Load(in_flight, elapsed, count - failed, failed, p50 / 1e3, p95 / 1e3, p99 / 1e3, cpu / elapsed)


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of an open loop: calls come at a rate, whether earlier ones have been answered or not."""

    rate: float
    seconds: float
    calls: int
    # Answered well within the deadline, and p99 of all that were answered well.
    in_time: int
    answered: int
    refused: int
    p99_ms: float
    generator: float

    @property
    def goodput(self) -> float:
        """Answers in time, a second."""
        return self.in_time / self.seconds


def open_loop(
    url: str,
    body: bytes,
    rate: float,
    seconds: float,
    deadline_ms: int,
    headers: Mapping[str, str],
    *,
    staggered: bool,
) -> Offered:
    """Offers POSTs over HTTP/2 at a rate, spread over many connections so that none of them holds a call back.

    Staggered, they begin one after the other and go on so; else all of them send at the same instants.
    """
    clients = 50
    with tempfile.TemporaryDirectory() as name:
        data, log = Path(name) / "body", Path(name) / "log.tsv"
        data.write_bytes(body)
        given = [part for header in headers.items() for part in ("--header", ": ".join(header))]
        total = max(clients, round(rate * seconds))
        begun = ("--rate", "1", "--rate-period", "4ms") if staggered else ()
        _, cpu = run(
            [
                *(tool("h2load"), "--clients", str(clients), "--threads", "1", "--max-concurrent-streams", "100"),
                *("--rps", f"{rate / clients:.2f}", "--requests", str(total), "--log-file", str(log)),
                *("--connection-inactivity-timeout", "10", "--data", str(data), *begun),
                *given,
                url,
            ]
        )
        # Start in microseconds, HTTP status, microseconds until the answer.
        entries = [tuple(map(int, line.split("\t")[:3])) for line in log.read_text().splitlines()]
    starts = [start for start, _, _ in entries]
    elapsed = max((max(starts) - min(starts)) / 1e6, 0.001) if starts else seconds
    good = sorted(took for _, status, took in entries if 200 <= status < 300)
    return Offered(
        len(entries) / elapsed,
        elapsed,
        len(entries),
        sum(took <= deadline_ms * 1000 for took in good),
        len(good),
        len(entries) - len(good),
        good[len(good) * 99 // 100] / 1000 if good else 0.0,
        cpu / elapsed,
    )
