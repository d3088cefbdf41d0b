"""Checks one receipt against the row of the audit that it is for."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson
from qmcp.client.receipts.approvals import approval_differences
from qmcp.client.receipts.canonical import canonical, salted_digest
from qmcp.client.receipts.keys import unhex

# The recipe, and the one for invocations that humans were asked about.
KIND = "invocation/1"
KIND_WITH_APPROVAL = "invocation/2"
KIND_FOR_TASK = "invocation/3"
KIND_BY_GRANT = "invocation/4"
REDACTABLE = ("input_params", "result")
_TEXTS = ("id", "correlation_id", "error_reason", "principal", "idempotency_key", "status", "tool_etag", "tool_name")
_TIMES = ("created_at", "completed_at")
_ROW_FIELDS = frozenset((*_TEXTS, *_TIMES, *REDACTABLE, "error", "duration_ms", "redacted_fields", "approval")) | {
    *("task_id", "fencing_token", "grant_id"),
}
_RECEIPT_FIELDS = {
    "chain_id": str,
    "sequence": int,
    "previous_digest": str,
    "digest": str,
    "content": str,
    "input_salt": str,
    "result_salt": str,
}
_CONTENT_KEYS = frozenset(
    (*_TEXTS, *_TIMES, "chain_id", "duration_ms", "input_digest", "kind", "result_digest", "sequence"),
)
# In the content and in the row alike, where the tool ran for a task.
_LEASE_FIELDS = frozenset(("task_id", "fencing_token"))
# The same of the grant by which it ran.
_GRANT_FIELD = frozenset(("grant_id",))
# What the service notes for itself: covered by the digest, but not part of the row that it shows.
_UNSHOWN_KEYS = frozenset(("begun_as", "refused", "replica"))
_DIGEST_DIGITS = 64
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_MICROSECOND_TIME_LENGTH = len("2026-11-21T14:00:00.123456Z")
_MICROSECOND_DIGITS = 6


class UnreadableError(ValueError):
    """A line that has not the shape of an export."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """What came of one row: the digest recomputed from its content, what is wrong, and whether a field is erased."""

    digest: str
    faults: tuple[tuple[str, str], ...]
    redacted: bool


def read_receipt(line: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The invocation and the receipt of an export line, its types checked; UnreadableError where not."""
    row, receipt = line["invocation"], line["receipt"]
    if type(row) is not dict or type(receipt) is not dict or len(line) != 2:  # noqa: PLR2004 - the two just read
        raise UnreadableError("the line is not an invocation with its receipt")
    for name, kind in _RECEIPT_FIELDS.items():
        if type(receipt.get(name)) is not kind:
            raise UnreadableError(f"the receipt has no {name}")
    return row, receipt


def check_row(row: dict[str, Any], receipt: dict[str, Any]) -> RowCheck:
    """Recomputes the content and the digest of a receipt, and says what does not hold."""
    content = receipt["content"].encode()
    previous = unhex(receipt["previous_digest"])
    digest = "" if previous is None else hashlib.sha256(previous + content).hexdigest()
    redacted = row.get("redacted_fields") not in (None, [])
    faults: list[tuple[str, str]] = []
    if redacted or _expected_content(row, receipt, content) != content:
        faults += [("CONTENT_CHANGED", detail) for detail in _differences(row, receipt, content)]
    faults += [("CONTENT_CHANGED", detail) for detail in _foreign_fields(row, receipt)]
    if digest != receipt["digest"]:
        faults.append(("DIGEST_WRONG", f"the digest is {receipt['digest']!r}, the content gives {digest!r}"))
    return RowCheck(digest, tuple(faults), redacted)


def _expected_content(row: dict[str, Any], receipt: dict[str, Any], content: bytes) -> bytes | None:
    """The content that a sound receipt of this row has; None where it cannot be told without a closer look."""
    if row.get("approval") is not None or row.keys() & (_LEASE_FIELDS | _GRANT_FIELD):
        return None
    input_salt, result_salt = unhex(receipt["input_salt"]), unhex(receipt["result_salt"])
    if not input_salt or not result_salt or type(row.get("duration_ms")) is not int:
        return None
    try:
        # What the row does not show is taken over; everything else is put in anew, and nothing else may stand in it.
        stated = orjson.loads(content)
        expected: dict[str, Any] = {key: stated[key] for key in _UNSHOWN_KEYS if key in stated}
    except (ValueError, TypeError):
        return None
    for name in _TEXTS:
        value = row.get(name)
        expected[name] = "" if value is None else value
    expected["created_at"] = _microseconds(row.get("created_at"))
    expected["completed_at"] = _microseconds(row.get("completed_at"))
    expected["chain_id"] = receipt["chain_id"]
    expected["sequence"] = receipt["sequence"]
    expected["duration_ms"] = row["duration_ms"]
    expected["kind"] = KIND
    expected["input_digest"] = salted_digest(input_salt, _arguments(row))
    expected["result_digest"] = salted_digest(result_salt, _outcome(row))
    return orjson.dumps(expected, option=orjson.OPT_SORT_KEYS)


def _differences(row: dict[str, Any], receipt: dict[str, Any], content: bytes) -> list[str]:
    """Every way in which the row is not what the receipt's content says, field by field."""
    try:
        stated = orjson.loads(content)
    except ValueError:
        return ["the content is no JSON"]
    more = {"approval"} | _LEASE_FIELDS | _GRANT_FIELD
    if type(stated) is not dict or stated.keys() - _UNSHOWN_KEYS - more != _CONTENT_KEYS:
        return ["the content has not the fields of a receipt"]
    if canonical(stated) != content:
        return ["the content is not canonical JSON"]
    found = []
    kind = KIND_WITH_APPROVAL if "approval" in stated else KIND
    if stated.keys() & _LEASE_FIELDS:
        kind = KIND_FOR_TASK
    if stated.keys() & _GRANT_FIELD:
        kind = KIND_BY_GRANT
    if stated["kind"] != kind:
        found.append(f"the content is of the kind {stated['kind']!r}, not {kind!r}")
    found += approval_differences(row, receipt["input_salt"], stated.get("approval"))
    found += [_difference(name, receipt[name], stated[name]) for name in ("chain_id", "sequence")]
    found += _lease_differences(row, stated)
    found.append(_difference("grant_id", _text(row.get("grant_id")), _text(stated.get("grant_id"))))
    # A text that is not there may stand as null or as an empty string: the digest says which it was.
    found += [_difference(name, _text(row.get(name)), _text(stated[name])) for name in _TEXTS]
    found += [_difference(name, _microseconds(row.get(name)), stated[name]) for name in _TIMES]
    found.append(_difference("duration_ms", row.get("duration_ms"), stated["duration_ms"]))
    found += _redactions(row)
    found += _salted("input_params", row, _arguments(row), receipt["input_salt"], stated["input_digest"])
    found += _salted("result", row, _outcome(row), receipt["result_salt"], stated["result_digest"])
    return [detail for detail in found if detail]


def _difference(name: str, actual: Any, stated: Any) -> str:
    # The types are compared too: in Python, True == 1 == 1.0.
    if type(actual) is type(stated) and actual == stated:
        return ""
    return f"{name} is {actual!r}, the receipt says {stated!r}"


def _lease_differences(row: dict[str, Any], stated: dict[str, Any]) -> list[str]:
    """The row shows the task that its receipt names, and no other; that there is none may stand as "" and 0."""
    shown = {name: row.get(name) for name in _LEASE_FIELDS}
    if not stated.keys() & _LEASE_FIELDS:
        return (
            [] if shown["task_id"] in (None, "") and shown["fencing_token"] in (None, 0) else ["the row names a task"]
        )
    if not stated.keys() >= _LEASE_FIELDS:
        return ["the content has not the fields of a receipt"]
    return [_difference(name, shown[name], stated[name]) for name in sorted(_LEASE_FIELDS)]


def _redactions(row: dict[str, Any]) -> list[str]:
    named = row.get("redacted_fields")
    if named in (None, []):
        return []
    if type(named) is not list or not all(name in REDACTABLE for name in named) or len(set(named)) != len(named):
        return [f"redacted_fields is {named!r}; only {' and '.join(REDACTABLE)} can be redacted"]
    return []


def _salted(name: str, row: dict[str, Any], value: Any, salt: str, stated: Any) -> list[str]:
    if type(stated) is not str or len(stated) != _DIGEST_DIGITS or unhex(stated) is None:
        return [f"the digest of {name} in the content is not 64 hexadecimal digits"]
    named = row.get("redacted_fields")
    if type(named) is list and name in named:
        gone = row.get(name) is None and (name != "result" or _text(row.get("error")) is None)
        return [] if gone and salt == "" else [f"{name} is said to be redacted, but its value or its salt is there"]
    if salt == "":
        return [f"the salt of {name} is gone, but redacted_fields does not name it"]
    raw = unhex(salt)
    if raw is None:
        return [f"the salt of {name} is not hexadecimal"]
    actual = salted_digest(raw, value)
    return [] if actual == stated else [f"{name} has the digest {actual}, the receipt says {stated}"]


def _foreign_fields(row: dict[str, Any], receipt: dict[str, Any]) -> list[str]:
    """Fields that no receipt covers: a reader might take them for proven."""
    found = []
    if not row.keys() <= _ROW_FIELDS:
        found.append(f"the row has fields that its receipt does not cover: {sorted(row.keys() - _ROW_FIELDS)}")
    if len(receipt) != len(_RECEIPT_FIELDS):
        found.append(f"the receipt has unknown fields: {sorted(receipt.keys() - _RECEIPT_FIELDS.keys())}")
    return found


def _arguments(row: dict[str, Any]) -> Any:
    arguments = row.get("input_params")
    return {} if arguments is None else arguments


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    error = row.get("error")
    return {"error": "" if error is None else error, "result": row.get("result")}


def _text(value: Any) -> Any:
    # Only the empty text says the same as none: false and 0 are other values.
    return None if value == "" else value


def _microseconds(time: Any) -> Any:
    """The time with six digits, as receipts write it; protobuf's JSON leaves zeros away."""
    if type(time) is not str or len(time) == _MICROSECOND_TIME_LENGTH:
        return time
    match = _TIME.fullmatch(time)
    if match is None:
        return time
    digits = match[2] or ""
    if digits[_MICROSECOND_DIGITS:].strip("0"):
        return time
    return f"{match[1]}.{digits[:_MICROSECOND_DIGITS]:0<{_MICROSECOND_DIGITS}}Z"
