"""Who calls: the credential and the ids of an HTTP request, passed on, and what access says of the credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import grpc
from cachetools import TTLCache
from mcp.server.context import ServerRequestContext
from qmcp.access.v1.access_service_pb2 import Identity, WhoAmIRequest
from qmcp.access.v1.access_service_pb2_grpc import AccessServiceStub
from starlette.requests import Request

from gateway.mcp import failures
from gateway.mcp.channels import Channels
from gateway.mcp.failures import Failure

# Headers that go on to the services as they came: who calls, from where, and by which ids its calls are found.
PASSED_ON = (
    "x-api-key",
    "authorization",
    "x-request-id",
    "x-correlation-id",
    "x-qmcp-made-id",
    "x-qmcp-client-address",
    "traceparent",
    "tracestate",
)
NAMES = {name.encode(): name for name in PASSED_ON}
CREDENTIALS = frozenset({"x-api-key", "authorization"})
# As long as the services themselves may take to hear of a revocation.
KNOWN_SECONDS = 1.0
MAX_KNOWN = 10_000
# Where the endpoint leaves a request's caller for what answers it.
SCOPE = "qmcp.caller"
IDEMPOTENCY_KEY = "idempotency-key"
# By this name a call's `_meta` has the key that a header has over HTTP.
META_IDEMPOTENCY_KEY = "qmcp/idempotency_key"
# And by these for which task a tool of the catalogue runs, under which lease of it.
META_TASK_ID, META_FENCING_TOKEN = "qmcp/task_id", "qmcp/fencing_token"
MAX_TOKEN = 2**31 - 1
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's caller. `permissions` are None where access could not say: then the services alone decide."""

    metadata: Metadata
    principal: str
    permissions: frozenset[str] | None
    idempotency_key: str = ""
    roles: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        """As services judge it: `tools.invoke` is granted by itself, by `tools.*` and `*`; `self` to everybody."""
        granted = self.permissions or frozenset()
        service, _, verb = permission.partition(".")
        return verb == "self" or not granted.isdisjoint({permission, f"{service}.*", "*"})


class RefusedError(Exception):
    """Access refused the credential, or could not be asked."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Callers:
    """Finds out who calls."""

    def __init__(self, channels: Channels, *, checked: bool, seconds: float) -> None:
        """`checked`: whether the services check who calls; `seconds`: how long access has to answer."""
        self._channels = channels
        self._checked = checked
        self._seconds = seconds
        self._known: TTLCache[bytes, Identity] = TTLCache(MAX_KNOWN, KNOWN_SECONDS)

    async def of(self, request: Request) -> Caller:
        """The caller of a request. It gives nobody a right: services judge each call by the credential itself.

        Raises:
            RefusedError: where access refuses the credential.
        """
        metadata = _metadata(request)
        key = request.headers.get(IDEMPOTENCY_KEY, "")
        if not self._checked:
            return Caller(metadata, "", frozenset({"*"}), key)
        try:
            identity = await self._identity(metadata)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            if failure.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                # Services go by what they remember of callers while access is away.
                return Caller(metadata, "", None, key)
            raise RefusedError(failure) from error
        # What is for some tools alone, too: the services say for which.
        granted = frozenset([*identity.permissions, *(each.permission for each in identity.narrowed)])
        return Caller(metadata, identity.principal, granted, key, frozenset(identity.roles))

    async def _identity(self, metadata: Metadata) -> Identity:
        """What access says of the credential, or has said within the last second."""
        said = [each for each in metadata if each[0] in CREDENTIALS]
        known = sha256(repr(said).encode()).digest()
        if (identity := self._known.get(known)) is None:
            stub = self._channels.stub("access", AccessServiceStub)
            identity = await stub.WhoAmI(WhoAmIRequest(), metadata=metadata, timeout=self._seconds)
            self._known[known] = identity
        return identity


def _metadata(request: Request) -> Metadata:
    # Each as often as it came: two credentials are refused by the services, and not one of them chosen here.
    # Read as ASGI has them, for each call has a dozen: Starlette looks through all of them for each name.
    found = ((name, value.decode("latin-1")) for each, value in request.scope["headers"] if (name := NAMES.get(each)))
    # gRPC carries no other values; the edge refuses those of which something hangs.
    return tuple((name, value) for name, value in found if value.isascii() and value.isprintable())


def caller_of(context: ServerRequestContext[Any, Any]) -> Caller:
    """The caller of the HTTP request that brought the message."""
    assert context.request is not None
    caller: Caller = context.request.scope[SCOPE]
    return caller


def idempotency_key(caller: Caller, meta: Mapping[str, Any] | None) -> str:
    """The key by which a retry is known: what the call itself says, else what the request said."""
    said = (meta or {}).get(META_IDEMPOTENCY_KEY, "")
    return said if isinstance(said, str) and said else caller.idempotency_key


def lease_of(meta: Mapping[str, Any]) -> tuple[str, int]:
    """The task and the fencing token that a call names; "" and 0 where it names none.

    Raises:
        ValueError: where what it names is neither: left out in silence, it would run without its protection.
    """
    task_id, token = meta.get(META_TASK_ID, ""), meta.get(META_FENCING_TOKEN, 0)
    if isinstance(task_id, str) and type(token) is int and 0 <= token <= MAX_TOKEN:
        return task_id, token
    raise ValueError(f"{META_TASK_ID} in _meta must be a text, and {META_FENCING_TOKEN} a whole number")


def challenge(request: Request, metadata_url: str) -> str:
    """What `WWW-Authenticate` says to whoever has no valid credential (RFC 6750, RFC 9728)."""
    parts = ['realm="qmcp"']
    if any(name in request.headers for name in ("x-api-key", "authorization")):
        parts.append('error="invalid_token"')
    if metadata_url:
        parts.append(f'resource_metadata="{metadata_url}"')
    return f"Bearer {', '.join(parts)}"
