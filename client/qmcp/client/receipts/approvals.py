"""Checks the approval of a row against what its receipt says of it."""

import hashlib
from typing import Any

from qmcp.client.receipts.canonical import canonical, salted_digest
from qmcp.client.receipts.keys import unhex

_SHOWN = frozenset(
    ("human_request_id", "status", "decided_by", "decided_at", "comment", "edited_arguments", "arguments_digest"),
)
_UNDECIDED = frozenset(("human_request_id", "status"))
_DECIDED = _UNDECIDED | {"decided_at", "decided_by", "digest", "replica"}


def approval_differences(row: dict[str, Any], input_salt: str, stated: Any) -> list[str]:
    """Every way in which the approval of a row is not what the content says; empty where neither has one."""
    shown = row.get("approval")
    if shown is None and stated is None:
        return []
    if shown is None or stated is None:
        return ["only one of the row and its receipt has an approval"]
    if type(shown) is not dict or shown.keys() - {"grant_id"} != _SHOWN:
        return ["the approval of the row has not the fields of one"]
    if type(stated) is not dict or stated.keys() not in (_UNDECIDED, _DECIDED, _DECIDED | {"grant_id"}):
        return ["the approval in the content has not the fields of one"]
    redacted = type(row.get("redacted_fields")) is list and "input_params" in row["redacted_fields"]
    found = [
        f"approval.{name} is {shown.get(name)!r}, the receipt says {stated.get(name)!r}"
        for name in ("human_request_id", "status", "decided_at", "decided_by", "grant_id")
        if canonical(shown.get(name)) != canonical(stated.get(name, [] if name == "decided_by" else None))
    ]
    return [*found, *_digest_of_arguments(row, shown, redacted=redacted), *_answer(shown, input_salt, stated, redacted)]


def _digest_of_arguments(row: dict[str, Any], shown: dict[str, Any], *, redacted: bool) -> list[str]:
    arguments = {} if row.get("input_params") is None else row["input_params"]
    expected = "" if redacted else hashlib.sha256(canonical(arguments)).hexdigest()
    if shown["arguments_digest"] == expected:
        return []
    return [f"approval.arguments_digest is {shown['arguments_digest']!r}, the arguments have {expected!r}"]


def _answer(shown: dict[str, Any], input_salt: str, stated: dict[str, Any], redacted: bool) -> list[str]:
    answer = {"comment": shown["comment"], "edited_arguments": shown["edited_arguments"]}
    salt = unhex(input_salt)
    if redacted or "digest" not in stated:
        if answer == {"comment": "", "edited_arguments": None}:
            return []
        return ["the comment or the edited arguments are there, although they are erased or were never given"]
    if not salt:
        return ["the salt of input_params is gone, so the comment and the edited arguments cannot be checked"]
    actual = salted_digest(salt, answer)
    if actual == stated["digest"]:
        return []
    return [f"the comment and the edited arguments have the digest {actual}, the receipt says {stated['digest']!r}"]
