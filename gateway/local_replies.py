"""What Envoy answers itself, in the words that the services use: one table, and what Envoy makes of it."""

from dataclasses import dataclass
from typing import Any

from gateway import other_sites

DOMAIN = "edge.qmcp"
# Callers that speak gRPC get Envoy's plain text in grpc-message; what was transcoded, and all else, gets JSON.
JSON_CALLER: dict[str, Any] = {
    "or_filter": {
        "filters": [
            {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}},
            {
                "header_filter": {
                    "header": {
                        "name": "content-type",
                        "string_match": {"prefix": "application/grpc"},
                        "invert_match": True,
                        "treat_missing_header_as_empty": True,
                    }
                }
            },
        ]
    }
}
# Ids are kept exactly as the caller made them, or refused. All that comes after the header mutation has both.
IDS = ("x-request-id", "x-correlation-id")
SOUND_ID = "[ -~]{1,128}"
# Of other headers too services take only printable ASCII; a credential that is not reaches no log of theirs.
OTHERS = ("x-api-key", "authorization", "idempotency-key")
SOUND_VALUE = "[ -~]*"


@dataclass(frozen=True, slots=True)
class LocalReply:
    """One of Envoy's own answers."""

    # Of HTTP, by which it is told from the others.
    status: int
    # Of gRPC: written out, because what Envoy computes here is wrong.
    code: int
    reason: str
    message: str
    # When to come back; empty where that helps nobody.
    retry_after: str = ""
    # What else tells it from those with the same status, as an access log filter.
    only: dict[str, Any] | None = None
    # The status that it gets, where that is not the one that Envoy gave it.
    becomes: int = 0


def unsound(header: str) -> dict[str, Any]:
    """What matches an id that is not kept, or another header that is not taken."""
    form = SOUND_ID if header in IDS else SOUND_VALUE
    # Of several of one name Envoy sees the values as one, with commas.
    return {"name": header, "string_match": {"safe_regex": {"regex": form}}, "invert_match": True}


def _denied_by(rule: str) -> dict[str, Any]:
    """What matches an answer of Envoy's RBAC filter by the rule that refused."""
    filter_type = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    expression = f"response.code_details == 'rbac_access_denied_matched_policy[{rule}]'"
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {"@type": filter_type, "expression": expression},
        }
    }


def table(max_body_bytes: int) -> list[LocalReply]:
    """Every answer; where two fit, the first is given."""
    return [
        # UO: the circuit breaker is open. The services' own OVERLOADED is 429 too.
        LocalReply(
            503,
            8,
            "OVERLOADED",
            "The service has as many calls in flight as it may. Retry in a second.",
            retry_after="1",
            only={"response_flag_filter": {"flags": ["UO"]}},
            becomes=429,
        ),
        *(
            LocalReply(
                400,
                3,
                "ID_INVALID",
                f"{name} must be 1 to 128 characters of printable ASCII.",
                only={"header_filter": {"header": unsound(name)}},
            )
            for name in IDS
        ),
        *(
            LocalReply(
                400,
                3,
                "HEADER_INVALID",
                f"{name} must be printable ASCII.",
                only={"header_filter": {"header": unsound(name)}},
            )
            for name in OTHERS
        ),
        LocalReply(400, 3, "BAD_REQUEST", "%LOCAL_REPLY_BODY%"),
        LocalReply(401, 16, "UNAUTHENTICATED", "No credential, or one that is not valid."),
        LocalReply(
            403,
            7,
            "HOST_NOT_ALLOWED",
            "Without QMCP_AUTH=on the edge answers to names of its own machine, and those of QMCP_ALLOWED_HOSTS.",
            only=_denied_by(other_sites.HOST),
        ),
        *(
            LocalReply(
                403,
                7,
                "ORIGIN_NOT_ALLOWED",
                "Without QMCP_AUTH=on no page of another site may call. QMCP_CORS_ORIGINS lists those that may.",
                only=_denied_by(rule),
            )
            for rule in (other_sites.SITE, other_sites.ORIGIN)
        ),
        LocalReply(403, 7, "ADDRESS_NOT_ALLOWED", "Calls from this address are not let in."),
        LocalReply(404, 5, "ROUTE_NOT_FOUND", "Nothing here answers this method and path. /docs lists what there is."),
        LocalReply(408, 4, "REQUEST_TIMEOUT", "The request did not arrive in time."),
        LocalReply(413, 8, "BODY_TOO_LARGE", f"The body of the request is larger than {max_body_bytes} bytes."),
        LocalReply(415, 3, "CONTENT_TYPE_UNSUPPORTED", "The body must be application/json."),
        LocalReply(426, 9, "PROTOCOL_UNSUPPORTED", "Speak HTTP/1.1 or HTTP/2."),
        LocalReply(
            429,
            8,
            "RATE_LIMITED",
            "Too many requests from this address. Retry after the time in Retry-After.",
            retry_after="1",
        ),
        LocalReply(431, 3, "HEADERS_TOO_LARGE", "The headers of the request are too many or too large."),
        LocalReply(
            500,
            13,
            "INTERNAL",
            "The edge could not carry the answer over. Its log has the reason under the request id.",
        ),
        LocalReply(502, 14, "UPSTREAM_FAILED", "The service answered what the edge cannot carry over."),
        LocalReply(
            503,
            14,
            "UPSTREAM_UNAVAILABLE",
            "The service cannot be reached. Safe to retry with the same Idempotency-Key.",
            retry_after="1",
        ),
        LocalReply(504, 4, "DEADLINE_EXCEEDED", "The time allowed for this call passed before the answer was ready."),
    ]


def mappers(max_body_bytes: int) -> list[dict[str, Any]]:
    """What stands in Envoy's `local_reply_config`."""
    # Whoever speaks gRPC, and statuses that are no errors: the ids alone.
    rest = {"filter": _status("GE", 100), "headers_to_add": _ids()}
    return [*(_mapper(reply) for reply in table(max_body_bytes)), rest]


def _mapper(reply: LocalReply) -> dict[str, Any]:
    told = [reply.only] if reply.only else []
    if not reply.becomes:
        told.append(_status("EQ", reply.status))
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reply.reason,
        "domain": DOMAIN,
        "metadata": {"request_id": "%REQ(x-request-id)%"},
    }
    retry = [_header("OVERWRITE_IF_EXISTS_OR_ADD", "retry-after", reply.retry_after)] if reply.retry_after else []
    mapper: dict[str, Any] = {
        "filter": {"and_filter": {"filters": [JSON_CALLER, *told]}},
        "headers_to_add": [*_ids(), *retry],
        "body_format_override": {
            "content_type": "application/json",
            "json_format": {"code": reply.code, "message": reply.message, "details": [info]},
        },
    }
    return mapper | ({"status_code": reply.becomes} if reply.becomes else {})


def _ids() -> list[dict[str, Any]]:
    """Both ids; what is refused before the header mutation has none yet, so it gets random ones."""
    return [
        *(_header("OVERWRITE_IF_EXISTS_OR_ADD", name, f"%REQ({name})%") for name in IDS),
        *(_header("ADD_IF_ABSENT", name, "%UNIQUE_ID%") for name in IDS),
    ]


def _status(operator: str, status: int) -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": "local_reply"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}


def _header(action: str, name: str, value: str) -> dict[str, Any]:
    return {"append_action": action, "header": {"key": name, "value": value}}
