"""The original's contract as its callers meet it: curl, through Envoy, against the whole system."""

import json
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import validator_for
from qmcp.client import Client

from tests.client.command import qmcp
from tests.documents.forms import entries, task, template, texts
from tests.documents.word import changed, zipped
from tests.stack import Stack

CODES = {
    0: (template(), task(), {}),
    2: (template(), task(organizer=None), {}),
    3: (template("【MEETING_TITLE】 【not closed"), task(), {}),
    # The house's policy wants another size, which goes before what is missing.
    4: (template(size=31), task(organizer=None), {"preset": "strict"}),
}
OUTCOMES = {0: "ok", 2: "missing_required", 3: "other_exit_code", 4: "strict_failed"}
ALWAYS = {
    *("out.docx", "out.replace_log.json", "out.missing_fields.json", "out.format_report.json"),
    *("manifest.json", "api_result.json"),
}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Curl:
    """curl, with the two files in a folder."""

    url: str
    folder: Path

    def run(self, *arguments: str, files: tuple[bytes, bytes] | None = None, path: str = "/v1/run") -> Answered:
        sent: list[str] = []
        if files is not None:
            (self.folder / "notice.docx").write_bytes(files[0])
            (self.folder / "task.json").write_bytes(files[1])
            sent = ["-F", "template=@notice.docx", "-F", "task=@task.json"]
        command = ["curl", "-sS", "-D", "headers", "-o", "answer", *sent, *arguments, f"{self.url}{path}"]
        (self.folder / "answer").unlink(missing_ok=True)
        subprocess.run(command, cwd=self.folder, check=True, timeout=120)
        head = (self.folder / "headers").read_text().strip().split("\n\n")[-1].splitlines()
        named = (line.partition(": ") for line in head[1:])
        answer = self.folder / "answer"
        return Answered(
            int(head[0].split()[1]),
            {name.lower(): value.strip() for name, _, value in named},
            answer.read_bytes() if answer.exists() else b"",
        )


@pytest.fixture
def curl(stack: Stack, tmp_path: Path) -> Curl:
    return Curl(stack.edge_url, tmp_path)


@pytest.mark.promise("D01", "D02", "D03", "D05", "D10")
@pytest.mark.parametrize("code", CODES)
def test_a_form_comes_back_as_a_zip_whatever_the_document_came_to(curl: Curl, code: int) -> None:
    document, values, options = CODES[code]
    fields = [part for name, value in options.items() for part in ("-F", f"{name}={value}")]
    answer = curl.run("-F", "skill=meeting_notice", *fields, files=(document, values))
    assert answer.status == 200, answer.content
    assert answer.headers["x-docops-exit-code"] == f"{code}"
    assert answer.headers["x-docops-request-id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/zip"
    assert "docops_outputs.zip" in answer.headers["content-disposition"]
    # Streamed: nobody has said before how long it is.
    assert answer.headers["transfer-encoding"] == "chunked"
    found = entries(answer.content)
    assert set(found) == ALWAYS
    told = json.loads(found["api_result.json"])
    assert (told["exit_code"], told["request_id"]) == (code, answer.headers["x-docops-request-id"])
    assert set(told["timing"]) == {"queue_wait_ms", "subprocess_ms", "zip_ms", "total_ms"}
    assert told["effective"]["preset"] == options.get("preset", "quick")
    missing = json.loads(found["out.missing_fields.json"])["missing_required"]
    assert missing == (["organizer"] if code in {2, 4} else [])
    if code == 3:
        assert found["out.docx"] == document
    elif code == 0:
        assert texts(found["out.docx"]) == ["Quarter on 2026-12-01 by Ada"]


@pytest.mark.promise("D04")
def test_what_fails_is_the_originals_error_and_never_a_zip(curl: Curl, stack: Stack) -> None:
    good = (template(), task())
    cases: list[tuple[tuple[str, ...], tuple[bytes, bytes] | None, int, str, dict[str, Any]]] = [
        (("-F", "task=@task.json"), None, 400, "INVALID_ARGUMENT", {"field": "template"}),
        (("-X", "POST"), None, 400, "INVALID_ARGUMENT", {"field": "template"}),
        (("-F", "template=x"), None, 400, "INVALID_ARGUMENT", {"field": "template"}),
        (("-F", "preset=quick", "-F", "format_mode=off"), good, 400, "INVALID_ARGUMENT_CONFLICT",
         {"conflicting_fields": ["preset", "format_mode"]}),
        (("-F", "skill=training_notice"), good, 400, "INVALID_ARGUMENT", {"field": "skill"}),
        (("-F", "skill=nothing"), good, 400, "INVALID_ARGUMENT", {"field": "skill"}),
        ((), (template(), task(surprise="x")), 400, "INVALID_ARGUMENT", {"field": "task.payload"}),
        ((), (template(), b"{"), 400, "INVALID_JSON", {"line": 1, "column": 2}),
        ((), (b"PK\x03\x04 is no zip", task()), 400, "TEMPLATE_REFUSED", {"field": "template"}),
        ((), (b"%PDF", task()), 415, "INVALID_MEDIA_TYPE", {"field": "template"}),
        (("-H", "content-type: text/plain", "-d", "x"), None, 415, "INVALID_MEDIA_TYPE", {}),
        (("-H", "content-type: application/json", "-d", "{}"), None, 415, "INVALID_MEDIA_TYPE", {"field": "body"}),
        (("-H", "x-api-key: \u00e9"), good, 400, "INVALID_ARGUMENT", {}),
    ]  # fmt: skip
    (curl.folder / "task.json").write_bytes(task())
    for path in ("/v1/run", "/v1/precheck"):
        for arguments, files, status, code, detail in cases:
            answer = curl.run(*arguments, files=files, path=path)
            told = answer.json
            assert (answer.status, told["error_code"]) == (status, code), (arguments, told)
            assert detail.items() <= told["detail"].items(), told
            assert told["detail"]["request_id"] == answer.headers["x-docops-request-id"]
            assert told["message"]
    # A field's own words come through whatever they hold.
    odd = 'a"\\u0041\\\u4f1a<>'
    answer = curl.run(files=(template(), task(**{odd: "x"})))
    assert answer.json["detail"]["problems"][0]["path"] == f"payload.{odd}"


@pytest.mark.promise("D11")
def test_a_form_that_is_too_large_is_413_while_it_comes(curl: Curl) -> None:
    large = b"PK\x03\x04" + bytes(27 * 1024 * 1024)
    for arguments in ((), ("-H", "Expect:"), ("--http2-prior-knowledge",)):
        answer = curl.run(*arguments, files=(large, task()))
        assert (answer.status, answer.json["error_code"]) == (413, "UPLOAD_TOO_LARGE")
        assert answer.json["detail"]["max_upload_bytes"] == 26_214_400


@pytest.mark.promise("D18")
def test_precheck_and_meta_say_what_the_original_said(curl: Curl) -> None:
    found = curl.run(
        files=(template("【MEETING_TITLE】【ATTENDEES】【ORGANIZER】"), task(organizer=None)), path="/v1/precheck"
    )
    assert found.status == 200
    assert {**found.json, "request_id": ""} == {
        "ok": False,
        "expected_exit_code": 2,
        "request_id": "",
        "summary": {
            "template_field_count": 3,
            "unsupported_count": 0,
            "missing_required_count": 1,
            "missing_optional_count": 1,
        },
        "template_fields": ["MEETING_TITLE", "ATTENDEES", "ORGANIZER"],
        "missing_required": ["organizer"],
        "missing_optional": ["attendees"],
    }
    meta = httpx.get(f"{curl.url}/v1/meta").json()
    assert {"meeting_notice", "training_notice", "inspection_record"} <= set(meta["supported_skills"])
    assert meta["supported_task_types"] == meta["supported_skills"]
    assert meta["supported_presets"] == ["quick", "template", "strict"]
    assert (meta["supports_precheck"], meta["supports_assist"]) == (True, False)
    for name, schema in meta["task_payload_schemas"].items():
        assert validator_for(schema).is_valid({}), name


def test_runs_are_kept_and_a_retry_gets_the_first_archive(curl: Curl) -> None:
    key, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    headers = ("-H", f"Idempotency-Key: {key}", "-H", f"X-Correlation-ID: {correlation}")
    good = (template(), task())
    first = curl.run(*headers, files=good)
    again = curl.run(*headers, files=good)
    assert (first.status, again.content) == (200, first.content)
    other = curl.run(*headers, files=(template(), task(organizer="Grace")))
    assert (other.status, other.json["error_code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    with httpx.Client(base_url=curl.url) as http:
        [run] = http.get("/v1/documents/runs", params={"correlation_id": correlation}).json()["runs"]
        assert (run["status"], run["exit_code"], run["outcome"], run["created_by"]) == ("completed", 0, "ok", "local")
        assert run["request_id"] == first.headers["x-docops-request-id"]
        assert http.get(f"/v1/documents/runs/{run['id']}").json() == run
        kept = http.get(f"/v1/documents/runs/{run['id']}:download")
        assert (kept.content, kept.headers["x-docops-exit-code"]) == (first.content, "0")


def test_the_command_fills_lists_downloads_and_verifies(curl: Curl) -> None:
    folder, url = curl.folder, curl.url
    (folder / "notice.docx").write_bytes(template("【MEETING_TITLE】", "【ORGANIZER】"))
    (folder / "task.json").write_bytes(task())
    given = ("--template", "notice.docx", "--task", "task.json")
    ran = qmcp("--url", url, "documents", "run", *given, "--out-dir", "made", "--json", cwd=folder)
    assert ran.code == 0, ran.err
    assert texts((folder / "made/out.docx").read_bytes()) == ["Quarter", "Ada"]
    assert qmcp("--url", url, "documents", "run", *given, "--out-dir", "made", cwd=folder).code == 2
    run_id = ran.json["id"]
    assert run_id in qmcp("--url", url, "documents", "list", "--limit", "5", cwd=folder).out
    assert qmcp("--url", url, "documents", "download", run_id, "-o", "kept.zip", cwd=folder).code == 0
    verified = qmcp("documents", "verify", "kept.zip", "--template", "notice.docx", "--task", "task.json", cwd=folder)
    assert (verified.code, verified.err) == (0, ""), verified.out
    # One value of the real archive is another.
    kept = entries((folder / "kept.zip").read_bytes())
    kept["out.docx"] = changed(kept["out.docx"], {"word/document.xml": lambda body: body.replace(b">Ada<", b">Eve<")})
    (folder / "forged.zip").write_bytes(zipped(kept))
    forged = qmcp("documents", "verify", "forged.zip", "--json", cwd=folder)
    assert (forged.code, len(forged.json["faults"])) == (1, 2), forged.out
    assert "the value of ORGANIZER in word/document.xml" in forged.json["faults"][1]
    with Client(url) as client:
        assert client.get_document_run(run_id).outcome == "ok"


def test_a_jinja_template_is_filled_kept_and_verified_and_told_where_it_is_wrong(curl: Curl) -> None:
    folder, jinja = curl.folder, ("-F", "skill=jinja_template")
    values = {"customer": "Ada", "items": [{"name": "Desk", "price": 2}, {"name": "Lamp", "price": 3}]}
    told = json.dumps({"task_type": "jinja_template", "payload": values}).encode()
    document = template(
        "For {{ customer }}", "{%p for item in items %}", "{{ item.name }}: {{ item.price * 2 }}", "{%p endfor %}"
    )
    made, again = curl.run(*jinja, files=(document, told)), curl.run(*jinja, files=(document, told))
    assert (made.status, made.headers["x-docops-exit-code"]) == (200, "0"), made.content
    assert texts(entries(made.content)["out.docx"]) == ["For Ada", "Desk: 4", "Lamp: 6"]
    for name in ALWAYS - {"api_result.json"}:
        assert entries(made.content)[name] == entries(again.content)[name], name
    sources = json.loads(entries(made.content)["manifest.json"])["sources"]
    assert [row["source"] for row in sources] == [
        "/payload/customer",
        "/payload/items/0/name",
        "",
        "/payload/items/1/name",
        "",
    ]
    (folder / "made.zip").write_bytes(made.content)
    verified = qmcp("documents", "verify", "made.zip", "--template", "notice.docx", "--task", "task.json", cwd=folder)
    assert (verified.code, verified.out.strip()) == (0, "4 entries and 5 values hold")

    (folder / "next.docx").write_bytes(template("{{ customer }} {{ due.date }}"))
    contract = ("--url", curl.url, "documents", "contract", "next.docx")
    described = qmcp(*contract, "--json", cwd=folder)
    assert (described.code, described.json["schema"]["required"]) == (0, ["customer", "due"])
    compared = qmcp(*contract, "--previous", "notice.docx", cwd=folder)
    assert compared.code == 1
    assert [line.split()[:2] for line in compared.out.splitlines()[-2:]] == [["breaking", "due"], ["removed", "items"]]
    with Client(curl.url) as client:
        first = client.store_template("compared", document)
        second = client.store_template("compared", (folder / "next.docx").read_bytes())
    versions = ("--stored-template", second.id, "--stored-previous", first.id)
    stored = qmcp(*contract[:-1], *versions, cwd=folder)
    assert (stored.code, stored.out) == (1, compared.out)
    found = curl.run(*jinja, files=(template("{{ customer }} {{ due.date }}"), told), path="/v1/precheck").json
    assert (found["expected_exit_code"], found["missing_required"]) == (2, ["due.date"])
    wrong = curl.run(*jinja, files=(template("{{ customer }}", "{{ ''.__class__ }}"), told))
    assert (wrong.status, wrong.json["error_code"]) == (400, "TEMPLATE_REFUSED")
    where = {"part": "word/document.xml", "paragraph": "body/p[1]", "snippet": "{{ ''.__class__ }}"}
    assert {"template_error": "TEMPLATE_UNSAFE", **where}.items() <= wrong.json["detail"].items()


@pytest.mark.promise("D31", "D32", "D33", "D36", "D37", "D38")
def test_the_smoke_test_sends_rounds_and_finds_no_leaks(curl: Curl, stack: Stack) -> None:
    folder = curl.folder
    (folder / "notice.docx").write_bytes(template())
    (folder / "task.json").write_bytes(task())
    (folder / "tmp").mkdir()
    given = ("--template", "notice.docx", "--task", "task.json", "--requests", "4", "--concurrency", "2")
    ended = qmcp(
        *("--url", curl.url, "documents", "smoke", *given, "--repeat", "2", "--repeat-warmup", "1"),
        *("--tmp-root", "tmp", "--server-log", str(stack.log), "--artifacts-dir", "artifacts"),
        cwd=folder,
    )
    assert ended.code == 0, ended.out + ended.err
    result = json.loads((folder / "artifacts/ci_result.json").read_text())
    assert [each["status_counts"] for each in result["rounds"]] == [{"200": 4}] * 2
    # Each run has a process of its own, which is named and gone.
    assert [each["pids_seen"] for each in result["rounds"]] == [4, 4]
    summary = json.loads((folder / "artifacts/log_summary.json").read_text())
    assert summary["outcome_counts"]["ok"] >= 12
    assert re.search("passed", (folder / "artifacts/ci_result.md").read_text())
    # The negative control: a bound that nothing keeps.
    strict = {"DOCOPS_CI_MAX_TOTAL_MS_P95": "-1"}
    failed = qmcp(
        *("--url", curl.url, "documents", "smoke", *given, "--repeat", "1", "--repeat-warmup", "0"),
        *("--artifacts-dir", "failed"),
        env=strict,
        cwd=folder,
    )
    assert (failed.code, list(failed.json["failures"])) == (1, ["total_ms_p95"])
