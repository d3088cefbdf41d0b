"""Exports: invocations, receipts and checkpoints as JSON lines, field by field as the proto has them."""

from collections.abc import Iterable
from typing import Any

import orjson

from servicekit.ndjson import chunks
from services.tools.audit import receipts
from services.tools.audit.models import Archive, Checkpoint
from services.tools.models import Approval, Intent, Invocation


def invocation_chunks(invocations: Iterable[Invocation]) -> list[bytes]:
    """Their lines, joined to messages."""
    return [*chunks(map(invocation_line, invocations))]


def invocation_line(invocation: Invocation) -> bytes:
    """An Invocation as a JSON line, field by field as the proto has it."""
    return orjson.dumps(_invocation_fields(invocation)) + b"\n"


def _invocation_fields(invocation: Invocation) -> dict[str, Any]:
    intent, outcome = invocation.intent, invocation.outcome
    return {
        "id": str(intent.id),
        "tool_name": intent.tool_name,
        "tool_etag": intent.tool_etag,
        "input_params": receipts.as_json(intent.input_params),
        "result": receipts.as_json(outcome.result) if outcome else None,
        "status": invocation.status,
        "error": outcome.error if outcome else "",
        "error_reason": outcome.error_reason if outcome else "",
        "duration_ms": outcome.duration_ms if outcome else None,
        "created_at": receipts.timestamp(intent.created_at),
        "completed_at": receipts.timestamp(outcome.completed_at) if outcome else None,
        "correlation_id": intent.correlation_id,
        "idempotency_key": intent.idempotency_key,
        "principal": intent.principal,
        "redacted_fields": list(invocation.redacted_fields),
        **receipts.lease_fields(intent),
        **receipts.grant_fields(intent),
        **({} if invocation.approval is None else {"approval": _approval_fields(invocation.approval, intent)}),
    }


def _approval_fields(approval: Approval, intent: Intent) -> dict[str, Any]:
    decision = approval.decision
    return {
        "human_request_id": approval.human_request_id,
        "status": decision.status if decision else "pending",
        "decided_by": list(decision.decided_by) if decision else [],
        "decided_at": receipts.timestamp(decision.decided_at) if decision else None,
        "comment": (decision.comment or "") if decision else "",
        "edited_arguments": receipts.as_json(decision.edited_arguments) if decision else None,
        "arguments_digest": receipts.arguments_digest(intent),
        **receipts.made_grant(decision),
    }


def receipt_line(invocation: Invocation) -> bytes:
    """An ended invocation and its receipt as a JSON line."""
    assert invocation.outcome is not None
    assert invocation.link is not None
    link = invocation.link
    content = receipts.content(invocation.outcome, link.chain_id, link.sequence, link.result_digest)
    receipt = {
        "chain_id": str(link.chain_id),
        "sequence": link.sequence,
        "previous_digest": link.previous_digest.hex(),
        "digest": link.digest.hex(),
        "content": content.decode(),
        "input_salt": (invocation.intent.input_salt or b"").hex(),
        "result_salt": (link.result_salt or b"").hex(),
    }
    return orjson.dumps({"invocation": _invocation_fields(invocation), "receipt": receipt}) + b"\n"


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    line = {
        "sequence": checkpoint.sequence,
        "signed_at": receipts.timestamp(checkpoint.signed_at),
        "content": checkpoint.content,
        "signature": checkpoint.signature.hex(),
        "key_id": checkpoint.key_id,
    }
    return orjson.dumps({"checkpoint": line}) + b"\n"


def archive_line(archive: Archive) -> bytes:
    line = {
        "sequence": archive.sequence,
        "signed_at": receipts.timestamp(archive.signed_at),
        "until": str(archive.until),
        "content": archive.content,
        "signature": archive.signature.hex(),
        "key_id": archive.key_id,
    }
    return orjson.dumps({"archive": line}) + b"\n"


def done_line(count: int, principal: str = "") -> bytes:
    """The last line of an export; without it the export was cut off.

    Args:
        count: of the lines that hold an invocation.
        principal: whose these alone are, where the export has gaps that are others'; empty where it has none.
    """
    return orjson.dumps({"done": True, "count": count} | ({"principal": principal} if principal else {})) + b"\n"
