"""The original's scripts as commands: thresholds, folders, logs and what a verifier finds; no server, no clock."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import docx
import pytest
from qmcp.client.documents.folders import watermark
from qmcp.client.documents.load import Load, load_test
from qmcp.client.documents.log_summary import nearest_rank, summarize
from qmcp.client.documents.thresholds import Thresholds
from qmcp.client.documents.verification import verify_archive

from tests.client.command import qmcp


@pytest.mark.promise("D39")
def test_thresholds_come_from_the_originals_variables_and_name_what_is_past_them() -> None:
    worst = {
        "leaked_pids": 1,
        "internal_error": 1,
        "tmp_delta_bytes": 5_242_881,
        "tmp_delta_count": 51,
        "total_ms_p95": 15_001,
        "queue_wait_ms_p95": 3_001,
        "http_429": 1,
        "http_non_200": 1,
    }
    assert set(Thresholds.of({}).failures(worst)) == set(worst)
    kind = {
        "DOCOPS_CI_ALLOW_429": "1",
        "DOCOPS_CI_MAX_TMP_DELTA_BYTES": "6000000",
        "DOCOPS_CI_MAX_TMP_DELTA_COUNT": "60",
        "DOCOPS_CI_MAX_TOTAL_MS_P95": "20000",
        "DOCOPS_CI_MAX_QUEUE_WAIT_MS_P95": "4000",
        "DOCOPS_CI_REQUIRE_NO_LEAKS": "0",
        "DOCOPS_CI_REQUIRE_INTERNAL_ERROR_ZERO": "0",
        "DOCOPS_CI_REQUIRE_NON_200_ZERO": "0",
    }
    assert Thresholds.of(kind).failures(worst) == {}
    with pytest.raises(ValueError, match="DOCOPS_CI_MAX_TOTAL_MS_P95"):
        Thresholds.of({"DOCOPS_CI_MAX_TOTAL_MS_P95": "soon"})


@pytest.mark.promise("D34")
def test_a_folder_is_counted_and_the_command_ends_well_whatever_it_finds(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.tmp").write_bytes(b"x" * number)
    found = watermark(tmp_path, 1)
    assert (found.count, found.bytes, found.warnings) == (3, 3, [])
    assert found.top_n == [{"path": str(tmp_path / "2.tmp"), "bytes": 2}]
    told = qmcp("documents", "check-tmp", "--root", str(tmp_path / "nothing"), "--json")
    assert (told.code, told.json["count"], len(told.json["warnings"])) == (0, 0, 1)


@pytest.mark.promise("D35")
def test_logs_are_counted_by_outcome_and_status_with_percentiles_by_nearest_rank(tmp_path: Path) -> None:
    lines = [
        {"logger": "docops.api", "event": "done", "outcome": "ok", "http_status": 200,
         "timing": {"queue_wait_ms": number, "total_ms": 10 * number}}
        for number in range(1, 21)
    ]  # fmt: skip
    lines += [{"logger": "docops.api", "event": "error", "outcome": "rate_limited", "http_status": 429}]
    lines += [{"logger": "docops.api", "event": "start"}, {"logger": "edge", "event": "done", "outcome": "ok"}]
    log = tmp_path / "server.log"
    log.write_text("\n".join([*map(json.dumps, lines), "documents | " + json.dumps(lines[0]), "no json", "{"]))
    told = qmcp("documents", "summarize-logs", str(log), str(log), "--json").json
    assert (told["files"], told["lines_total"], told["parse_errors"]) == (2, 2 * 26, 4)
    assert told["outcome_counts"] == {"ok": 42, "rate_limited": 2}
    assert told["http_status_counts"] == {"200": 42, "429": 2}
    assert (told["queue_wait_ms_p95"], told["total_ms_p50"], told["total_ms_p95"]) == (19, 100, 190)
    assert (nearest_rank([], 95), nearest_rank([7], 50), summarize([]).total_ms_p95) == (None, 7, None)


@pytest.mark.promise("D32")
def test_a_process_that_is_left_is_found(tmp_path: Path) -> None:
    """The negative control: a server whose archives name a process that is still there."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        told = {"timing": {"queue_wait_ms": 0, "total_ms": 1}, "subprocess_pid": child.pid}
        archive.writestr("api_result.json", json.dumps(told))

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("x-docops-exit-code", "0")
            self.send_header("content-length", str(len(written.getvalue())))
            self.end_headers()
            self.wfile.write(written.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            load = Load(f"http://127.0.0.1:{server.server_port}", b"", b"", "meeting_notice", 2, 1, 60, {})
            report = load_test(load, leak_grace_ms=0, tmp_root=tmp_path)
        finally:
            server.shutdown()
            serving.join()
            child.communicate(b"\n")
    assert (report.leaked_pids, report.status_counts) == ([child.pid], {"200": 2})


def test_a_verifier_names_the_entry_and_the_value_that_were_changed(tmp_path: Path) -> None:
    text = "Ada Lovelace"
    document = docx.Document()
    document.add_paragraph("first")
    document.add_paragraph(f"by {text} today")
    written = io.BytesIO()
    document.save(written)
    source = {
        "field_name": "ORGANIZER",
        "part": "word/document.xml",
        "paragraph": 1,
        "paragraph_path": "body/p[1]",
        "start": 3,
        "end": 3 + len(text),
        "value_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    template = tmp_path / "template.docx"
    template.write_bytes(b"template")

    def archive(**changed: bytes) -> Path:
        entries = {"out.docx": written.getvalue(), "out.replace_log.json": b"{}"}
        manifest = {
            "entries": {name: hashlib.sha256(content).hexdigest() for name, content in entries.items()},
            "inputs": {"template": hashlib.sha256(b"template").hexdigest(), "task": ""},
            "sources": [source],
        }
        made = {**entries, "manifest.json": json.dumps(manifest).encode(), "api_result.json": b"{}", **changed}
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
            for name, content in made.items():
                opened.writestr(name, content)
        return tmp_path / "a.zip"

    assert verify_archive(archive(), template=template).valid
    assert verify_archive(archive(**{"api_result.json": b"[]"})).valid
    document.paragraphs[1].runs[0].text = "by Ada Byron today"
    forged = io.BytesIO()
    document.save(forged)
    told = qmcp("documents", "verify", str(archive(**{"out.docx": forged.getvalue()})), "--json")
    assert (told.code, told.json["valid"]) == (1, False)
    assert told.json["faults"] == [
        "out.docx was changed",
        "the value of ORGANIZER in word/document.xml, body/p[1], was changed",
    ]
    assert verify_archive(archive(**{"out.docx": b"no zip"})).faults[0] == "out.docx was changed"
    assert verify_archive(archive(**{"evil.exe": b"x"})).faults == [
        "evil.exe is in the archive and not in the manifest"
    ]
    template.write_bytes(b"another")
    assert verify_archive(archive(), template=template).faults == [f"{template} is not the template that went in"]
    (tmp_path / "a.zip").write_bytes(b"x")
    assert qmcp("documents", "verify", str(tmp_path / "a.zip")).code == 2
