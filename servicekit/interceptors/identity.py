"""Finds out who calls, and refuses what they may not do, before anything is looked up."""

from typing import Any, Protocol

from grpc import StatusCode
from grpc.aio import ServicerContext

from servicekit.calls import Call, Principal
from servicekit.errors import ServiceError, permission_denied
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method


class Authenticator(Protocol):
    """Who stands behind the credentials of a call."""

    async def authenticate(self, call: Call) -> Principal:
        """Reads the credentials from the call's headers.

        Raises:
            ServiceError: UNAUTHENTICATED where they are missing or not valid, UNAVAILABLE where that cannot be known.
        """

    def denied(self, call: Call, method: Method, error: ServiceError) -> None:
        """Told of every refusal."""


class Keyless:
    """Development on one machine: every caller is the principal `local` and may do everything."""

    local = Principal("local", frozenset({"*"}))

    async def authenticate(self, call: Call) -> Principal:
        del call
        return self.local

    def denied(self, call: Call, method: Method, error: ServiceError) -> None:
        """Never happens."""


def identity(authenticator: Authenticator) -> Interceptor:
    def interceptor(method: Method, handler: Handler) -> Handler:
        if method.permission.endswith(".anyone"):
            # The request itself holds what admits the caller (the token of a link), and the servicer checks that.
            return handler

        async def with_identity(request: Any, context: "ServicerContext[Any, Any]", call: Call) -> Any:
            try:
                call.principal = await authenticator.authenticate(call)
                if not call.principal.may(method.permission):
                    raise permission_denied(method.permission)
            except ServiceError as error:
                if error.code is not StatusCode.UNAVAILABLE:
                    authenticator.denied(call, method, error)
                raise
            return await handler(request, context, call)

        return with_identity

    return interceptor
