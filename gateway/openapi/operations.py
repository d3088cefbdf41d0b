"""RPCs as operations: paths, parameters, bodies, answers, and the declared reasons why they fail."""

import re
from collections.abc import Iterator
from typing import Any

from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from qmcp.options.v1 import options_pb2

from gateway.contract import bindings, option, verb_and_template
from gateway.openapi.contract import Contract, Reason
from gateway.openapi.schemas import Schema, Schemas

# `{name}`, `{name=**}`, `{tool.name=**}`.
VARIABLE = re.compile(r"\{([a-z_.]+)(?:=([^}]*))?\}")
# Of the reasons that every service has, those about a field: they are given where a request has it.
REASONS_OF_FIELDS = {
    "idempotency_key": "IDEMPOTENCY_KEY_REUSED",
    "etag": "ETAG_MISMATCH",
    "page_token": "PAGE_TOKEN_INVALID",
}
# As Envoy maps them.
HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
# A body that the transcoder leaves as it is.
RAW = "google.api.HttpBody"
RAW_SCHEMA = {"type": "string", "description": "As the operation describes it."}
TITLES = {
    400: "The request breaks a rule",
    401: "No valid credential",
    403: "Not permitted",
    404: "Not found",
    409: "In conflict with what is there",
    410: "Too late: it has ended",
    413: "The body is too large",
    415: "The body is not application/json",
    429: "Too much at a time",
    500: "A fault of the service",
    503: "Not available now",
    504: "Too late",
}
ID_HEADERS: dict[str, Any] = {
    name: {"description": f"The {what} id: the caller's, else one that the edge made.", "schema": {"type": "string"}}
    for name, what in (("X-Request-ID", "request"), ("X-Correlation-ID", "correlation"))
}
ID_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "X-Correlation-ID",
        "in": "header",
        "description": "Ties this call to others of the same piece of work; stored with what the call writes.",
        "schema": {"type": "string", "maxLength": 128},
    }
]
# The field that makes a retry return the first answer.
IDEMPOTENCY_FIELD = "idempotency_key"


class Operations:
    """Every binding of every RPC, by path and method."""

    def __init__(self, contract: Contract, schemas: Schemas) -> None:
        self._contract = contract
        self._schemas = schemas
        self._error: Schema = {}

    def tags(self) -> list[dict[str, str]]:
        """One tag a service, with the service's comment."""
        return [
            {"name": service.name, "description": self._contract.comment(service.full_name)}
            for service in self._contract.services()
        ]

    def paths(self) -> dict[str, dict[str, Any]]:
        """OpenAPI's `paths`."""
        self._error = self._status_schema()
        found: dict[str, dict[str, Any]] = {}
        for service in self._contract.services():
            for method in service.methods:
                for number, rule in enumerate(bindings(method)):
                    verb, template = verb_and_template(rule)
                    operation_id = method.name if number == 0 else f"{method.name}{number + 1}"
                    found.setdefault(_path(template), {})[verb] = self._operation(method, rule, operation_id)
        return found

    def _operation(self, method: MethodDescriptor, rule: HttpRule, operation_id: str) -> dict[str, Any]:
        comment = self._contract.comment(method.full_name)
        _, template = verb_and_template(rule)
        permission = option(method, options_pb2.permission)
        bound = {found[1]: found[2] or "" for found in VARIABLE.finditer(template)}
        operation: dict[str, Any] = {
            "operationId": operation_id,
            "tags": [method.containing_service.name],
            "summary": _first_sentence(comment),
            "description": f"{comment}\n\nNeeds the permission `{permission}`. RPC: `{method.full_name}`.",
            "parameters": [
                *(self._path_parameter(method.input_type, name, pattern) for name, pattern in bound.items()),
                *self._query_parameters(method.input_type, rule.body, set(bound)),
                *ID_PARAMETERS,
                *_idempotency(method.input_type),
            ],
            "responses": {
                **self._answers(method),
                **self._errors(method, has_body=bool(rule.body)),
            },
        }
        if rule.body:
            schema = self._body(method.input_type, rule.body, set(bound))
            required = bool(schema.get("required")) or rule.body != "*" or method.input_type.full_name == RAW
            types = option(method, options_pb2.request_content_type) or ("application/json",)
            operation["requestBody"] = {"required": required, "content": {kind: {"schema": schema} for kind in types}}
        return operation

    def _path_parameter(self, message: Descriptor, name: str, pattern: str) -> dict[str, Any]:
        schema = self._schemas.field(_leaf(message, name))
        description = schema.pop("description", "")
        if "**" in pattern:
            description += " May hold slashes, as they are or as %2F."
        return {
            "name": name.rpartition(".")[2],
            "in": "path",
            "required": True,
            "description": description,
            "schema": schema,
        }

    def _query_parameters(self, message: Descriptor, body: str, bound: set[str]) -> Iterator[dict[str, Any]]:
        if body == "*":
            return
        for field in message.fields:
            simple = field.message_type is None or field.message_type.full_name == "google.protobuf.Timestamp"
            if simple and field.name != body and field.name not in bound:
                schema = self._schemas.field(field)
                description = schema.pop("description", "")
                yield {"name": field.name, "in": "query", "description": description, "schema": schema}

    def _body(self, message: Descriptor, body: str, bound: set[str]) -> Schema:
        if message.full_name == RAW:
            return {"type": "object", "description": RAW_SCHEMA["description"]}
        if body != "*":
            field = message.fields_by_name[body]
            described = {"type": "object", "description": self._contract.comment(field.full_name)}
            return described if _is_raw(field) else self._schemas.field(field)
        return self._schemas.object(message, lambda field: field.name not in bound)

    def _answers(self, method: MethodDescriptor) -> dict[str, Any]:
        answer = {"description": self._contract.comment(method.output_type.full_name) or "Done.", "headers": ID_HEADERS}
        answer["content"] = self._content(method)
        return {str(status): answer for status in option(method, options_pb2.success_status) or (200,)}

    def _content(self, method: MethodDescriptor) -> dict[str, Any]:
        if method.output_type.full_name == RAW:
            return {kind: {"schema": RAW_SCHEMA} for kind in option(method, options_pb2.response_content_type)}
        schema = self._schemas.message(method.output_type)
        if method.server_streaming:
            described = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
            return {"text/event-stream": {"schema": {**described, "description": "One such document a `data:` line."}}}
        return {"application/json": {"schema": schema}}

    def _errors(self, method: MethodDescriptor, *, has_body: bool) -> dict[str, Any]:
        own = option(method, options_pb2.error_reason)
        elsewhere = {name for field, name in REASONS_OF_FIELDS.items() if not _takes(method, field)}
        reasons = [each for each in self._contract.common_reasons() if each.name not in elsewhere]
        reasons += [each for each in self._contract.reasons(method.containing_service.file.package) if each.name in own]
        by_status: dict[int, list[str]] = {}
        for reason in reasons:
            by_status.setdefault(reason.http_status or HTTP_STATUS[reason.code], []).append(_told(reason))
        if has_body:
            by_status.setdefault(413, []).append("- `BODY_TOO_LARGE`: send less.")
            by_status.setdefault(415, []).append("- `CONTENT_TYPE_UNSUPPORTED`: send application/json.")
        return {
            str(status): {
                "description": f"{TITLES.get(status, 'Failed')}.\n\n" + "\n".join(reasons),
                "headers": ID_HEADERS,
                "content": {"application/json": {"schema": self._error}},
            }
            for status, reasons in sorted(by_status.items())
        }

    def _status_schema(self) -> Schema:
        self._schemas.components["Error"] = {
            "type": "object",
            "description": "google.rpc.Status: what failed, in a form for programs and in one for people.",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The gRPC code."},
                "message": {"type": "string", "description": "A sentence for a person."},
                "detail": {
                    "type": "string",
                    "description": "The same sentence, on the routes that the original QMCP had.",
                },
                "details": {
                    "type": "array",
                    "description": "`google.rpc.ErrorInfo` with the reason, and where they help `BadRequest` with the "
                    "fields at fault and `RetryInfo` with the time to wait.",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {
                            "@type": {"type": "string"},
                            "reason": {"type": "string"},
                            "domain": {"type": "string"},
                            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                        "additionalProperties": True,
                    },
                },
            },
            "examples": [
                {
                    "code": 5,
                    "message": "Tool 'nothing' not found. GET /v1/tools lists those there are.",
                    "details": [
                        {
                            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                            "reason": "TOOL_NOT_FOUND",
                            "domain": "tools.qmcp",
                            "metadata": {"request_id": "1f0c9a7e"},
                        }
                    ],
                }
            ],
        }
        return {"$ref": "#/components/schemas/Error"}


def _idempotency(message: Descriptor) -> Iterator[dict[str, Any]]:
    """The header that stands for the field."""
    if IDEMPOTENCY_FIELD in message.fields_by_name:
        description = f"The same as `{IDEMPOTENCY_FIELD}`: makes a retry return the first answer."
        schema = {"type": "string", "maxLength": 128}
        yield {"name": "Idempotency-Key", "in": "header", "description": description, "schema": schema}


def _is_raw(field: FieldDescriptor | None) -> bool:
    """Whether a body is passed on as it comes, whatever its type."""
    return bool(field and field.message_type and field.message_type.full_name == RAW)


def _takes(method: MethodDescriptor, name: str) -> bool:
    """Whether a request has a field: itself, or in the resource by which it replaces another."""
    taken = [method.input_type]
    if method.name.startswith("Update"):
        taken += [field.message_type for field in method.input_type.fields if field.message_type is not None]
    return any(name in message.fields_by_name for message in taken)


def _path(template: str) -> str:
    """OpenAPI takes paths that differ in a variable's name alone for the same, so `{tool.name=**}` becomes `{name}`."""
    return VARIABLE.sub(lambda found: "{" + found[1].rpartition(".")[2] + "}", template)


def _leaf(message: Descriptor, path: str) -> FieldDescriptor:
    *outer, last = path.split(".")
    for name in outer:
        inner = message.fields_by_name[name].message_type
        if inner is None:
            raise ValueError(f"{path} leads through {name}, which is no message")
        message = inner
    return message.fields_by_name[last]


def _first_sentence(comment: str) -> str:
    return re.split(r"(?<=[.;])\s", comment, maxsplit=1)[0].rstrip(".;")


def _told(reason: Reason) -> str:
    return f"- `{reason.name}`: {reason.meaning}"
