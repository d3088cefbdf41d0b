"""What the identity interceptor asks of whoever checks callers, and the one for a machine of one's own."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from servicekit.errors import ServiceError
from servicekit.identity.limits import UNBOUNDED
from servicekit.identity.principal import Principal
from servicekit.request_context import RequestContext


class Authenticator(Protocol):
    """Who stands behind the credentials of a call."""

    async def authenticate(self, call: RequestContext) -> Principal:
        """Reads the credentials from the call's headers.

        Raises:
            ServiceError: UNAUTHENTICATED where they are missing or not valid, UNAVAILABLE where that cannot be known.
        """

    def denied(self, call: RequestContext, error: ServiceError) -> None:
        """Told of every refusal."""

    def opened(self, call: RequestContext) -> AbstractContextManager[None]:
        """A block for a call that may last: it is ended when its credential ends, or grants it no more.

        Raises:
            ServiceError: at the end of the block, UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE.
        """


class Keyless:
    """Development on one machine: every caller is the principal `local` and may do everything.

    All of them are that one, so a share of it would be a share of all.
    """

    local = Principal("local", frozenset({"*"}), limits=UNBOUNDED)

    async def authenticate(self, call: RequestContext) -> Principal:
        del call
        return self.local

    def denied(self, call: RequestContext, error: ServiceError) -> None:
        """Never happens."""

    def opened(self, call: RequestContext) -> AbstractContextManager[None]:
        """Nothing ends it."""
        del call
        return nullcontext()
