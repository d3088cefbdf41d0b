"""Sends runs, many at a time, over HTTP as anybody does, and looks whether any of them leaves something behind."""

import io
import json
import os
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from qmcp.client.address import trust
from qmcp.client.documents.folders import Watermark, watermark
from qmcp.client.documents.log_summary import nearest_rank


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and where."""

    url: str
    template: bytes
    task: bytes
    skill: str
    requests: int
    concurrency: int
    timeout: float
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Sent:
    status: int
    exit_code: str
    ms: int
    timing: dict[str, int]
    pid: int | None


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came of it. Pids are known of runs on this machine alone."""

    status_counts: dict[str, int]
    exit_code_counts: dict[str, int]
    latency_ms_p50: int | None
    latency_ms_p95: int | None
    queue_wait_ms_p95: int | None
    total_ms_p95: int | None
    # Those that the archives named, and of them those that are there still.
    pids_seen: int
    leaked_pids: list[int]
    tmp_before_count: int
    tmp_before_bytes: int
    tmp_after_count: int
    tmp_after_bytes: int
    tmp_delta_count: int
    tmp_delta_bytes: int
    tmp_warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_test(load: Load, *, leak_grace_ms: int, tmp_root: Path | None) -> LoadReport:
    """Sends all of them and waits for the last; then looks at what is left, after a time of grace.

    Args:
        load: what to send.
        leak_grace_ms: how long processes and files may take to go.
        tmp_root: the folder of temporary files of whoever renders; None: it is not looked at.
    """
    before = _look(tmp_root)
    with (
        httpx.Client(timeout=load.timeout, headers=load.headers, verify=trust()) as http,
        ThreadPoolExecutor(load.concurrency) as pool,
    ):
        sent = list(pool.map(lambda _: _send(http, load), range(load.requests)))
    pids = {each.pid for each in sent if each.pid is not None}
    until = time.monotonic() + leak_grace_ms / 1000
    while (leaked := sorted(filter(_is_there, pids))) and time.monotonic() < until:
        time.sleep(0.05)
    after = _look(tmp_root)
    times = [each.ms for each in sent]
    timed = [each.timing for each in sent if each.timing]
    return LoadReport(
        status_counts=dict(Counter(str(each.status) for each in sent)),
        exit_code_counts=dict(Counter(each.exit_code for each in sent if each.exit_code)),
        latency_ms_p50=nearest_rank(times, 50),
        latency_ms_p95=nearest_rank(times, 95),
        queue_wait_ms_p95=nearest_rank([each["queue_wait_ms"] for each in timed], 95),
        total_ms_p95=nearest_rank([each["total_ms"] for each in timed], 95),
        pids_seen=len(pids),
        leaked_pids=leaked,
        tmp_before_count=before.count,
        tmp_before_bytes=before.bytes,
        tmp_after_count=after.count,
        tmp_after_bytes=after.bytes,
        tmp_delta_count=after.count - before.count,
        tmp_delta_bytes=after.bytes - before.bytes,
        tmp_warnings=sorted({*before.warnings, *after.warnings}),
    )


def _send(http: httpx.Client, load: Load) -> _Sent:
    files = {
        "template": ("template.docx", load.template, "application/octet-stream"),
        "task": ("task.json", load.task, "application/json"),
    }
    begun = time.monotonic()
    try:
        answer = http.post(f"{load.url}/v1/run", files=files, data={"skill": load.skill})
    except httpx.HTTPError:
        return _Sent(0, "", round((time.monotonic() - begun) * 1000), {}, None)
    ms = round((time.monotonic() - begun) * 1000)
    if answer.status_code != httpx.codes.OK:
        return _Sent(answer.status_code, "", ms, {}, None)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        told = json.loads(archive.read("api_result.json"))
    return _Sent(
        answer.status_code, answer.headers["x-docops-exit-code"], ms, told["timing"], told.get("subprocess_pid")
    )


def _look(root: Path | None) -> Watermark:
    return watermark(root) if root else Watermark("", 0, 0, [], [])


def _is_there(pid: int) -> bool:
    """Whether a process of this id is there, dead ones that nobody has asked for among them."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
