"""What may be asked: rules that the proto cannot state, and what tells one request from another; no I/O."""

from dataclasses import asdict

import orjson

from servicekit.errors import invalid_field
from servicekit.schemas import Schema
from services.hitl import errors
from services.hitl.lifecycle import rules
from services.hitl.models import RequestSpec

MIN_TIMEOUT_SECONDS = 60
MAX_SCHEMA_BYTES = 64 * 1024


def require_sound(spec: RequestSpec, max_timeout_seconds: int) -> None:
    """Refuses what nobody could answer.

    Raises:
        ServiceError: INVALID_REQUEST, SCHEMA_INVALID, RESPONSE_INVALID.
    """
    if not MIN_TIMEOUT_SECONDS <= spec.timeout_seconds <= max_timeout_seconds:
        raise invalid_field("timeout_seconds", f"must be {MIN_TIMEOUT_SECONDS} to {max_timeout_seconds:,} seconds")
    for field, document, maximum in (
        ("context", spec.context, rules.MAX_DOCUMENT_BYTES),
        ("proposed_arguments", spec.proposed_arguments, rules.MAX_DOCUMENT_BYTES),
        ("response_schema", spec.response_schema, MAX_SCHEMA_BYTES),
        ("arguments_schema", spec.arguments_schema, MAX_SCHEMA_BYTES),
    ):
        if document is not None and len(orjson.dumps(document)) > maximum:
            raise invalid_field(field, f"must be at most {maximum // 1024} KiB of JSON")
    spec.lease.require_whole("task_id", "fencing_token")
    Schema(spec.response_schema, "response_schema")
    Schema(spec.arguments_schema, "arguments_schema")
    _require_sound_expiry(spec)
    _require_sound_quorum(spec)
    _require_sound_binding(spec)


def body(spec: RequestSpec) -> bytes:
    """What is asked and by whom, by whose digest the same request again is told from another one with its id."""
    # Where the caller names no correlation id each try has another.
    asked = asdict(spec) | {"correlation_id": ""}
    # Who asks is in it by name: what access calls it by is no part of the question.
    del asked["requester_reference"], asked["requester_permission"]
    # The tool is said in the context too, and not at all by callers of the release before.
    del asked["tool"]
    if spec.grant_offer is None:
        # As it was before there were any.
        del asked["grant_offer"]
    else:
        # What is proposed is counted anew by a retry, which must be the same request.
        del asked["grant_offer"]["proposed"]
    if spec.eligible is None:
        # As it was before requests could be binding: a retry across an upgrade is the same request.
        del asked["eligible"]
    if not spec.task_id:
        # As it was before requests could be for tasks.
        del asked["task_id"], asked["fencing_token"]
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def _require_sound_expiry(spec: RequestSpec) -> None:
    on_expiry = spec.on_expiry
    if on_expiry.action == "answer":
        faults = rules.response_faults(
            spec.options, spec.response_schema, on_expiry.default_response, "on_expiry.default_response"
        )
        if faults:
            raise errors.response_invalid(faults)
    elif on_expiry.action == "escalate" and not on_expiry.escalate_to:
        raise invalid_field("on_expiry.escalate_to", "must name at least one role where the action is escalate")


def _require_sound_quorum(spec: RequestSpec) -> None:
    quorum = spec.quorum
    if quorum is None:
        return
    if quorum.voters and quorum.voters < quorum.required:
        raise invalid_field("quorum.voters", "must be at least `required`, or 0 for no limit")
    if quorum.veto and spec.options and quorum.veto not in spec.options:
        raise invalid_field("quorum.veto", "must be one of the options")


def _require_sound_binding(spec: RequestSpec) -> None:
    eligible, on_expiry = spec.eligible, spec.on_expiry
    if eligible is None:
        return
    if on_expiry.action == "answer":
        raise invalid_field("on_expiry.action", "must not be answer where the request is binding: people answer those")
    if (eligible.assignees or eligible.groups) and not set(on_expiry.escalate_to) <= set(eligible.groups):
        raise invalid_field("on_expiry.escalate_to", "must be among the groups where the request is binding")
