"""A smoke test for CI: rounds of load, the worst of them against thresholds, and artefacts of it."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from qmcp.client.address import trust
from qmcp.client.documents.load import Load, LoadReport, load_test
from qmcp.client.documents.log_summary import summarize
from qmcp.client.documents.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often, and what is looked at."""

    repeat: int
    warmup: int
    leak_grace_ms: int
    tmp_root: Path | None


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """The worst of the measured rounds, and what of it is too much."""

    rounds: list[dict[str, Any]]
    worst: dict[str, int]
    failures: dict[str, str]

    @property
    def passed(self) -> bool:
        return not self.failures


def wait_for_health(url: str, *, timeout_seconds: float, interval_seconds: float) -> None:
    """Until /health says that all is well; TimeoutError where it does not in time."""
    until = time.monotonic() + timeout_seconds
    while True:
        try:
            if httpx.get(f"{url}/health", timeout=timeout_seconds, verify=trust()).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > until:
            raise TimeoutError(f"{url}/health is not well after {timeout_seconds:g} s")
        time.sleep(interval_seconds)


def smoke(load: Load, rounds: Rounds, thresholds: Thresholds) -> SmokeReport:
    """Runs the rounds; those of the warm-up are not judged."""
    found = [
        load_test(load, leak_grace_ms=rounds.leak_grace_ms, tmp_root=rounds.tmp_root)
        for _ in range(rounds.warmup + rounds.repeat)
    ]
    measured = found[rounds.warmup :]
    worst = _worst(measured, allow_429=thresholds.allow_429)
    return SmokeReport([each.as_dict() for each in measured], worst, thresholds.failures(worst))


def write_artifacts(report: SmokeReport, folder: Path, server_log: Path | None) -> None:
    """Writes ci_result.json and ci_result.md; server.log and log_summary.json where there is a log."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"passed": report.passed, **asdict(report)}
    (folder / "ci_result.json").write_text(json.dumps(told, indent=2) + "\n")
    (folder / "ci_result.md").write_text(_page(report))
    if server_log is not None:
        copied = folder / "server.log"
        if server_log.resolve() != copied.resolve():
            shutil.copyfile(server_log, copied)
        with copied.open(errors="replace") as lines:
            (folder / "log_summary.json").write_text(json.dumps(asdict(summarize([lines])), indent=2) + "\n")


def _worst(reports: Sequence[LoadReport], *, allow_429: bool) -> dict[str, int]:
    def most(values: Sequence[int | None]) -> int:
        return max((value or 0 for value in values), default=0)

    def refused(counts: Mapping[str, int]) -> int:
        fine = {"200", "429"} if allow_429 else {"200"}
        return sum(number for status, number in counts.items() if status not in fine)

    return {
        "leaked_pids": most([len(each.leaked_pids) for each in reports]),
        "internal_error": most([each.status_counts.get("500", 0) for each in reports]),
        "tmp_delta_bytes": most([each.tmp_delta_bytes for each in reports]),
        "tmp_delta_count": most([each.tmp_delta_count for each in reports]),
        "total_ms_p95": most([each.total_ms_p95 for each in reports]),
        "queue_wait_ms_p95": most([each.queue_wait_ms_p95 for each in reports]),
        "http_429": most([each.status_counts.get("429", 0) for each in reports]),
        "http_non_200": most([refused(each.status_counts) for each in reports]),
    }


def _page(report: SmokeReport) -> str:
    rows = [f"| {name} | {value} | {report.failures.get(name, 'ok')} |" for name, value in report.worst.items()]
    head = f"# Smoke test of documents: {'passed' if report.passed else 'FAILED'}\n\n| | worst | |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"
