"""What Envoy answers itself, in the words that the services use: one table, and what Envoy makes of it."""

import base64
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway import other_sites
from gateway.mcp_limits import PATH as MCP_PATH

DOMAIN = "edge.qmcp"
# Callers that speak gRPC get plain text in grpc-message; what was transcoded, and all else, gets JSON.
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
GRPC_CALLER: dict[str, Any] = {
    "and_filter": {
        "filters": [
            {
                "header_filter": {
                    "header": {"name": "x-envoy-original-path", "present_match": True, "invert_match": True}
                }
            },
            {
                "header_filter": {
                    "header": {
                        "name": "content-type",
                        # Not gRPC-Web, whose callers read the HTTP status.
                        "string_match": {"safe_regex": {"regex": r"application/grpc([+;].*)?"}},
                    }
                }
            },
        ]
    }
}
# The status that shedding.lua gives what it refuses, by which it is known here.
SHED = 529
# What servers may define for themselves in JSON-RPC.
MCP_ERROR = -32000
# Ids are kept exactly as the caller made them, or refused. All that comes after the header mutation has both.
IDS = ("x-request-id", "x-correlation-id")
SOUND_ID = "[ -~]{1,128}"
# The response has one where the request had none yet.
REQUEST_ID = (
    "%CEL('x-request-id' in request.headers ? request.headers['x-request-id'] : response.headers['x-request-id'])%"
)
# How bodies of gRPC may be compressed; of what else a caller says services would answer that the fault was theirs.
ENCODING = "grpc-encoding"
READ_ENCODING = "identity|deflate|gzip"
# Of other headers too services take only printable ASCII; a credential that is not reaches no log of theirs.
OTHERS = ("x-api-key", "authorization", "idempotency-key")
SOUND_VALUE = "[ -~]*"

# What matches a Content-Encoding that services read, none among them, and one that they do not.
_READ: dict[str, Any] = {"safe_regex": {"regex": r"(?i)\s*(gzip|x-gzip|identity)?\s*"}}
READ_CONTENT_ENCODING: dict[str, Any] = {
    "name": "content-encoding",
    "string_match": _READ,
    "treat_missing_header_as_empty": True,
}
UNREAD_ENCODING: dict[str, Any] = {"name": "content-encoding", "string_match": _READ, "invert_match": True}


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
    # Whether callers that speak gRPC are told the same; else they get the code that Envoy makes of the status.
    told_over_grpc: bool = False


def unsound(header: str) -> dict[str, Any]:
    """What matches an id that is not kept, or another header that is not taken."""
    form = SOUND_ID if header in IDS else READ_ENCODING if header == ENCODING else SOUND_VALUE
    # Of several of one name Envoy sees the values as one, with commas.
    return {"name": header, "string_match": {"safe_regex": {"regex": form}}, "invert_match": True}


def _denied_by(rule: str) -> dict[str, Any]:
    """What matches an answer of Envoy's RBAC filter by the rule that refused."""
    return _because(f"rbac_access_denied_matched_policy[{rule}]")


def _because(details: str) -> dict[str, Any]:
    """What matches an answer by why Envoy gave it."""
    filter_type = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    expression = f"response.code_details == '{details}'"
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
            told_over_grpc=True,
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
        LocalReply(
            400,
            12,
            "CONTENT_ENCODING_UNSUPPORTED",
            f"{ENCODING} must be one of {READ_ENCODING.replace('|', ', ')}.",
            only={"header_filter": {"header": unsound(ENCODING)}},
            told_over_grpc=True,
        ),
        # Envoy's own status is 403, as if something were forbidden.
        LocalReply(
            403,
            12,
            "UPGRADE_UNSUPPORTED",
            "Nothing here speaks WebSocket or another protocol of an upgrade. Streams are Server-Sent Events.",
            only=_because("upgrade_failed"),
            becomes=501,
        ),
        LocalReply(
            400,
            3,
            "BAD_REQUEST",
            "The path cannot be read: it holds a zero character or a fragment.",
            only=_because("path_normalization_failed"),
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
        LocalReply(
            403,
            7,
            "ADDRESS_NOT_ALLOWED",
            "Calls from this address are not let in.",
            # By no network that is allowed.
            only=_denied_by("none"),
        ),
        LocalReply(403, 7, "SCHEME_NOT_ALLOWED", "The request asks for https on a connection without TLS."),
        LocalReply(404, 5, "ROUTE_NOT_FOUND", "Nothing here answers this method and path. /docs lists what there is."),
        LocalReply(405, 12, "METHOD_NOT_ALLOWED", "The path does not take this method; Allow lists those it does."),
        LocalReply(408, 4, "REQUEST_TIMEOUT", "The request did not arrive in time.", told_over_grpc=True),
        LocalReply(
            413,
            8,
            "BODY_TOO_LARGE",
            f"The body of the request is larger than {max_body_bytes} bytes.",
            told_over_grpc=True,
        ),
        LocalReply(
            415,
            3,
            "CONTENT_ENCODING_UNSUPPORTED",
            "The body may come as it is or as gzip.",
            only={"header_filter": {"header": UNREAD_ENCODING}},
        ),
        LocalReply(415, 3, "CONTENT_TYPE_UNSUPPORTED", "The body must be application/json."),
        LocalReply(
            429,
            8,
            "OVERLOADED",
            "As many bytes of large bodies are on their way here as may be, of your address or of all. Retry shortly.",
            retry_after="1",
            only=_because("lua_response"),
            told_over_grpc=True,
        ),
        LocalReply(
            429,
            8,
            "RATE_LIMITED",
            "Too many requests from this address. Retry after the time in Retry-After.",
            retry_after="1",
            told_over_grpc=True,
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
    answers = table(max_body_bytes)
    over_grpc = [_grpc_mapper(reply) for reply in answers if reply.told_over_grpc]
    return [*_shed(), _of_mcp(), *(_mapper(reply) for reply in answers), *over_grpc, rest]


def _shed() -> list[dict[str, Any]]:
    """First, and as it was written: what is refused because there is too much must cost little."""
    shed = LocalReply(
        429,
        8,
        "OVERLOADED",
        "More is asked of the service than it can do. Retry in a second.",
        retry_after="1",
        only=_status("EQ", SHED),
        becomes=429,
        told_over_grpc=True,
    )
    as_json = {"filter": {"and_filter": {"filters": [shed.only, JSON_CALLER]}}, "status_code": shed.becomes}
    return [as_json, _grpc_mapper(shed)]


def _of_mcp() -> dict[str, Any]:
    """Too many requests of MCP, in its own form: of another its clients tell that there was an error, not which."""
    message = "Too many requests from this address. Retry after the time in Retry-After."
    data = {"reason": "RATE_LIMITED", "domain": DOMAIN, "retry_after": "%RESP(RETRY-AFTER)%"}
    error = {"code": MCP_ERROR, "message": message, "data": data | {"request_id": REQUEST_ID}}
    path = {"name": ":path", "string_match": {"safe_regex": {"regex": MCP_PATH}}}
    return {
        "filter": {"and_filter": {"filters": [{"header_filter": {"header": path}}, _status("EQ", 429)]}},
        "headers_to_add": [*_ids(), _header("ADD_IF_ABSENT", "retry-after", "1")],
        "body_format_override": {
            "content_type": "application/json",
            "json_format": {"jsonrpc": "2.0", "id": None, "error": error},
        },
    }


def _told_by(reply: LocalReply) -> list[dict[str, Any]]:
    """What tells it from other answers."""
    told = [reply.only] if reply.only else []
    return told if reply.becomes else [*told, _status("EQ", reply.status)]


def _grpc_mapper(reply: LocalReply) -> dict[str, Any]:
    status = Status(code=reply.code, message=reply.message)
    status.details.add().Pack(ErrorInfo(reason=reply.reason, domain=DOMAIN))
    if reply.retry_after:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=int(reply.retry_after))))
    details = base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")
    return {
        "filter": {"and_filter": {"filters": [GRPC_CALLER, *_told_by(reply)]}},
        "headers_to_add": [
            *_ids(),
            _header("OVERWRITE_IF_EXISTS_OR_ADD", "grpc-status", str(reply.code)),
            _header("OVERWRITE_IF_EXISTS_OR_ADD", "grpc-status-details-bin", details),
        ],
        "body_format_override": {"text_format_source": {"inline_string": reply.message}},
    }


def _mapper(reply: LocalReply) -> dict[str, Any]:
    info: dict[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reply.reason,
        "domain": DOMAIN,
        "metadata": {"request_id": REQUEST_ID},
    }
    details, retry = [info], []
    if reply.retry_after:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": f"{reply.retry_after}s"})
        retry.append(_header("OVERWRITE_IF_EXISTS_OR_ADD", "retry-after", reply.retry_after))
    mapper: dict[str, Any] = {
        "filter": {"and_filter": {"filters": [JSON_CALLER, *_told_by(reply)]}},
        "headers_to_add": [*_ids(), *retry],
        "body_format_override": {
            "content_type": "application/json",
            "json_format": {"code": reply.code, "message": reply.message, "details": details},
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
