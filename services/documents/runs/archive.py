"""The zip of a run: the document, the reports, and a manifest by which each of them is verified without us."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from services.documents.forms.options import Options
from services.documents.models import Answered, Caller, Digests, Timing
from services.documents.rendering.models import RenderResult

NAME = "docops_outputs.zip"
MEDIA_TYPE = "application/zip"
# The earliest that a zip can say: when it was packed is none of its contents.
EPOCH = (1980, 1, 1, 0, 0, 0)
PIECE_BYTES = 256 * 1024
# What differs from run to run although all that it is made of is the same.
API_RESULT, TRACE = "api_result.json", "trace.json"
MANIFEST = "manifest.json"
# Files of a manifest of this form.
MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Build:
    """What rendered it."""

    version: str
    commit: str
    # Of all that decides which bytes come out: code and versions of libraries.
    fingerprint: str


def contents(
    result: RenderResult, digests: Digests, fingerprint: str, answers: Mapping[str, Answered]
) -> dict[str, bytes]:
    """The entries that the same inputs give again, byte for byte."""
    entries = {
        "out.docx": result.document,
        "out.replace_log.json": as_json(result.replace_log),
        "out.missing_fields.json": as_json(result.missing_fields),
        "out.format_report.json": as_json(result.format_report),
    }
    if result.format_report_text:
        entries["out.format_report.txt"] = result.format_report_text.encode()
    if result.suggested_policy is not None:
        entries["out.suggested_policy.yaml"] = result.suggested_policy.encode()
    manifest = {
        "version": MANIFEST_VERSION,
        "fingerprint": fingerprint,
        "exit_code": result.exit_code,
        "inputs": {"template": digests.template, "task": digests.task, "policy": digests.policy},
        "entries": {name: hashlib.sha256(content).hexdigest() for name, content in entries.items()},
        "sources": [_source(each, answers) for each in result.sources],
    }
    if answers:
        manifest["answers"] = {key: _told_by(each) for key, each in answers.items()}
    return {**entries, MANIFEST: as_json(manifest)}


def _source(source: Mapping[str, Any], answers: Mapping[str, Answered]) -> dict[str, Any]:
    """Where a value is from: a JSON pointer into the task, or among what people have answered."""
    return {**source, "source": _pointer(str(source["source"]), answers)}


def _pointer(pointer: str, answers: Mapping[str, Answered]) -> str:
    for path in answers:
        of_answer = "/payload/" + path.replace(".", "/")
        if pointer == of_answer or pointer.startswith(f"{of_answer}/"):
            return f"/answers/{path}{pointer.removeprefix(of_answer)}"
    return pointer


def _told_by(answered: Answered) -> dict[str, str]:
    value = answered.value if isinstance(answered.value, str) else json.dumps(answered.value, ensure_ascii=False)
    asked = (
        {"conversation_id": answered.conversation_id}
        if answered.conversation_id
        else {"human_request_id": answered.human_request_id}
    )
    return {
        **asked,
        "answered_by": answered.answered_by,
        "answered_at": answered.answered_at,
        "value_sha256": hashlib.sha256(value.encode()).hexdigest(),
    }


def api_result(
    result: RenderResult, options: Options, caller: Caller, timing: Timing, build: Build, *, task_type: str
) -> dict[str, Any]:
    """What the original said of a run in its zip, with the pid that its leak check looked for."""
    return {
        "exit_code": result.exit_code,
        "message": result.message,
        "request_id": caller.request_id,
        "timing": asdict(timing),
        "input": {
            "skill": options.skill,
            "task_type": task_type,
            "preset": options.preset or None,
            "policy_yaml_provided": bool(options.policy_yaml),
            "export_suggested_policy": options.export_suggested_policy,
        },
        "effective": effective(options),
        "build": {"version": build.version, "commit": build.commit},
        "subprocess_pid": result.pid,
    }


def effective(options: Options) -> dict[str, str]:
    """What a run went by, by the names of the form."""
    return {
        "preset": options.effective_preset,
        "format_mode": options.format.mode,
        "format_baseline": options.format.baseline,
        "format_fix_mode": options.format.fix_mode,
        "format_report": options.format.report,
    }


class Archive:
    """A zip in the making."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._zip = zipfile.ZipFile(self._bytes, "w", zipfile.ZIP_DEFLATED)

    def add(self, entries: Mapping[str, bytes]) -> None:
        """Writes files, in the order of their names, as if they were all made at one time."""
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            # By whichever system it is packed.
            entry.create_system = 3
            self._zip.writestr(entry, entries[name])

    def finish(self) -> bytes:
        """All of it."""
        self._zip.close()
        return self._bytes.getvalue()


def pieces(archive: bytes) -> list[bytes]:
    """It in pieces of a size that a message takes."""
    return [archive[start : start + PIECE_BYTES] for start in range(0, len(archive), PIECE_BYTES)]


def as_json(value: Any) -> bytes:
    """As people read it, always in the same form."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
