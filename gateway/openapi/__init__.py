"""The OpenAPI 3.1 document of the HTTP/JSON edge, derived from the contract: nothing in it is written twice."""

from typing import Any

from gateway.openapi.contract import Contract
from gateway.openapi.operations import Operations
from gateway.openapi.pages import PAGES
from gateway.openapi.schemas import Schemas

INTRODUCTION = """\
The HTTP/JSON form of QMCP's gRPC contract, as Envoy transcodes it. Field names are those of the protos; what a client \
leaves out is the default; what it sends beyond them is ignored in a body and refused in a query.

Every response, a failed one too, carries `X-Request-ID` and `X-Correlation-ID`: the caller's own, else ones that the \
edge made. Errors are `{code, message, details}` with a `google.rpc.ErrorInfo` among the details whose `reason` is \
declared below; those of the edge itself have the domain `edge.qmcp`. On the routes that the original QMCP had, \
`detail` says the message once more, and fields that were null there are null. A call may limit its own time with \
`grpc-timeout: 500m` (milliseconds) or `5S`. The same RPCs answer native gRPC and gRPC-Web on the same port.

Where `QMCP_AUTH` is on, each call needs an API key in `X-API-Key`, or a key or a token of the configured issuer as \
`Authorization: Bearer`. Without one the answer is 401, without the permission that the operation names it is 403."""

SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `POST /v1/keys` made. Not needed while `QMCP_AUTH` is off.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a JWT of the issuer that `QMCP_OIDC_ISSUER` names.",
    },
}


def document(descriptor_set: bytes, version: str) -> dict[str, Any]:
    """The document of every RPC that has a `google.api.http` rule; `descriptor_set` must hold its comments."""
    contract = Contract(descriptor_set)
    schemas = Schemas(contract)
    operations = Operations(contract, schemas)
    paths = operations.paths()
    return {
        "openapi": "3.1.0",
        "info": {"title": "QMCP", "version": version, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "tags": [*operations.tags(), {"name": "Edge", "description": "What the edge itself answers."}],
        "paths": {**paths, **PAGES},
        "security": [{"apiKey": []}, {"bearer": []}],
        "components": {"securitySchemes": SECURITY_SCHEMES, "schemas": dict(sorted(schemas.components.items()))},
    }
