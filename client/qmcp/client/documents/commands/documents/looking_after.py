"""What the original's scripts did: load, leaks, folders, logs, and a smoke test of these for CI."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connection
from qmcp.client.cli.failures import FAILED

if TYPE_CHECKING:
    from qmcp.client.documents.load import Load

Template = Annotated[Path, typer.Option(help="The template that is sent.")]
TaskFile = Annotated[Path, typer.Option(help="The task that is sent.")]
Skill = Annotated[str, typer.Option(help="The kind of document.")]
Requests = Annotated[int, typer.Option(min=1, help="How many runs.")]
Concurrency = Annotated[int, typer.Option(min=1, help="How many at a time.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="How long one may take, seconds.")]
Grace = Annotated[int, typer.Option(min=0, help="How long processes may take to go, milliseconds.")]
TmpRoot = Annotated[Path | None, typer.Option(help="The service's folder of temporary files, to be looked at.")]


def add_to(app: typer.Typer) -> None:
    """Makes them subcommands."""
    app.command("load-test")(load_test)
    app.command("check-tmp")(check_tmp)
    app.command("summarize-logs")(summarize_logs)
    app.command("smoke")(smoke)


def load_test(
    context: typer.Context,
    template: Template,
    task: TaskFile,
    skill: Skill = "meeting_notice",
    requests: Requests = 20,
    concurrency: Concurrency = 8,
    timeout: Timeout = 30,
    leak_grace_ms: Grace = 1500,
    tmp_root: TmpRoot = None,
    write_summary: Annotated[Path | None, typer.Option(help="Where the report goes as JSON.")] = None,
    fail_on_leaks: Annotated[bool, typer.Option("--fail-on-leaks", help="End with 1 where a process is left.")] = False,
) -> None:
    """Send runs, many at a time, and look whether a process or a file of theirs is left; prints JSON.

    Processes are looked for on this machine, by the pids that the archives name.
    """
    import json

    from qmcp.client.documents import load

    sent = _load(context, template, task, skill, requests, concurrency, timeout)
    report = load.load_test(sent, leak_grace_ms=leak_grace_ms, tmp_root=tmp_root)
    output.as_json(report.as_dict())
    if write_summary:
        write_summary.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    if fail_on_leaks and report.leaked_pids:
        raise typer.Exit(FAILED)


def check_tmp(
    root: Annotated[Path, typer.Option(help="The folder.")],
    top_n: Annotated[int, typer.Option(min=0, help="How many of the largest files to name.")] = 10,
    json: output.AsJson = False,
) -> None:
    """How many files are in a folder, and how large; always ends with 0."""
    from qmcp.client.documents.folders import watermark

    output.show(watermark(root, top_n), json=json)


def summarize_logs(
    files: Annotated[list[Path], typer.Argument(help="Logs, a JSON object a line.")],
    json: output.AsJson = False,
) -> None:
    """How runs ended by the log, and how long they waited and took (nearest rank)."""
    from qmcp.client.documents.log_summary import summarize

    with ExitStack() as opened:
        found = summarize(opened.enter_context(file.open(errors="replace")) for file in files)
    output.show(found, json=json)


def smoke(
    context: typer.Context,
    template: Template,
    task: TaskFile,
    skill: Skill = "meeting_notice",
    requests: Requests = 20,
    concurrency: Concurrency = 6,
    timeout: Timeout = 30,
    leak_grace_ms: Grace = 1500,
    tmp_root: TmpRoot = None,
    repeat: Annotated[int, typer.Option(min=1, help="Rounds that are judged, by the worst of them.")] = 3,
    repeat_warmup: Annotated[int, typer.Option(min=0, help="Rounds before these.")] = 1,
    health_timeout_seconds: Annotated[float, typer.Option(help="How long /health may take to be well.")] = 15,
    health_interval_seconds: Annotated[float, typer.Option(help="How often it is asked.")] = 0.3,
    server_log: Annotated[Path | None, typer.Option(help="The log of the system, kept and summarized.")] = None,
    artifacts_dir: Annotated[Path, typer.Option(help="Where the artefacts go.")] = Path("artifacts"),
) -> None:
    """Wait for health, warm up, send rounds of load; ends with 1 where the worst is past DOCOPS_CI_… thresholds."""
    from qmcp.client.documents.smoke import Rounds, wait_for_health, write_artifacts
    from qmcp.client.documents.smoke import smoke as run_rounds
    from qmcp.client.documents.thresholds import Thresholds

    thresholds = Thresholds.of(os.environ)
    sent = _load(context, template, task, skill, requests, concurrency, timeout)
    wait_for_health(sent.url, timeout_seconds=health_timeout_seconds, interval_seconds=health_interval_seconds)
    report = run_rounds(sent, Rounds(repeat, repeat_warmup, leak_grace_ms, tmp_root), thresholds)
    write_artifacts(report, artifacts_dir, server_log)
    output.as_json({"passed": report.passed, "worst": report.worst, "failures": report.failures})
    if not report.passed:
        raise typer.Exit(FAILED)


def _load(
    context: typer.Context, template: Path, task: Path, skill: str, requests: int, concurrency: int, timeout: float
) -> "Load":
    from qmcp.client.address import api_key
    from qmcp.client.documents.load import Load

    chosen = connection(context)
    key = api_key(chosen.api_key)
    headers = {"x-api-key": key} if key else {}
    url = chosen.address.url
    return Load(url, template.read_bytes(), task.read_bytes(), skill, requests, concurrency, timeout, headers)
