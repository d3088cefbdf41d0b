"""The call that is being served: who makes it, under which ids, and with what headers."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from servicekit.errors import ServiceError
from servicekit.identity.credentials import presented
from servicekit.identity.principal import NOBODY, Principal
from servicekit.identity.visibility import Viewer
from servicekit.methods import Method

# Envoy's transcoder says by it what came in; the edge takes it from everybody else.
TRANSCODED = "x-envoy-original-method"
# Longer ones are not ids; they would only fill logs and tables.
MAX_ID_LENGTH = 128


@dataclass(slots=True)
class RequestContext:
    """One RPC in progress. The interceptors fill it in; servicers and domain read it."""

    # Headers as they came, lower-case names; of repeated ones the last.
    metadata: Mapping[str, str | bytes]
    method: Method
    # Names of the headers that came more than once.
    repeated: frozenset[str] = frozenset()
    # From where it came: an IP address.
    address: str = ""
    # What the edge is to hear with the answer, where there may be any; None as soon as the answer has begun.
    for_edge: Callable[[], Sequence[tuple[str, str]]] | None = None
    # The HTTP method where the call came in as HTTP/JSON; else empty. Set when it has ended.
    http_method: str = ""
    request_id: str = ""
    correlation_id: str = ""
    # Whether that is the caller's own, and not one that the edge or the service made.
    correlation_id_given: bool = False
    principal: Principal = NOBODY
    # The request's bytes: the body where it came as HTTP/JSON, all of it where it is large or no message; else empty.
    sent: bytes = b""
    # How many of them, where they are so many that work on the request belongs beside the loop; else 0.
    large_bytes: int = 0
    # Until when it may work, on the loop's clock; None: as long as it bounds itself.
    ends_at: float | None = None
    # What its answer says besides, in headers.
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    # How it ended; set by the errors interceptor.
    code: StatusCode = field(default=StatusCode.OK)
    http_status: int = 0
    # What the line about it in the log says besides: why it was refused, and what the servicer adds.
    logged: dict[str, Any] = field(default_factory=dict)
    # Why it is being ended although its caller is still there: its credential has ended.
    ended: ServiceError | None = None
    # Whether it is for whoever may do what its caller may do now: said where a permission is not for everything.
    is_for: Callable[[Principal], bool] = field(default=lambda _: True)
    # What is audited of its refusal, which says something else: that there is no such thing.
    denial: ServiceError | None = None

    @classmethod
    def of(cls, headers: Sequence[tuple[str, str | bytes]], method: Method) -> "RequestContext":
        """The context of a call that came with these headers."""
        named = dict(headers)
        if len(named) == len(headers):
            return cls(named, method)
        counted = Counter(name for name, _ in headers)
        return cls(named, method, frozenset(name for name, times in counted.items() if times > 1))

    def header(self, name: str) -> str:
        """A textual header, empty where there is none."""
        value = self.metadata.get(name, "")
        return value if isinstance(value, str) else ""

    @property
    def recorded_correlation_id(self) -> str:
        """The id that goes on record with what the call writes; empty where an original's route was given none."""
        by_original_route = self.method.original and TRANSCODED in self.metadata
        return self.correlation_id if self.correlation_id_given or not by_original_route else ""

    @property
    def credential(self) -> str:
        """The key or token that the caller sent; empty where it sent none, or several."""
        found = presented(self.header("x-api-key"), self.header("authorization"))
        return found[0] if len(found) == 1 else ""

    @property
    def viewer(self) -> Viewer:
        """Whoever calls, as far as rows of this service are shown to it."""
        return Viewer.of(self.principal, self.method.domain.partition(".")[0])

    @property
    def idempotency_key(self) -> str:
        """The client's key from the header; a `request_id` in the body goes before it."""
        return self.header("idempotency-key")


current_context: ContextVar[RequestContext] = ContextVar("current_context")


def new_id() -> str:
    """16 hexadecimal digits: of 64 random bits, two are the same once in billions, and records are found by them."""
    return f"{random.getrandbits(64):016x}"
