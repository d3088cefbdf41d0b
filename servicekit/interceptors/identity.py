"""Finds out who calls, and refuses what they may not do, before anything is looked up."""

from typing import Any

from grpc import StatusCode
from grpc.aio import ServicerContext

from servicekit.errors import ServiceError, permission_denied
from servicekit.identity.authenticator import Authenticator
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import RequestContext


def identity(authenticator: Authenticator) -> Interceptor:
    def interceptor(method: Method, handler: Handler) -> Handler:
        if method.permission.endswith(".anyone"):
            # The request itself holds what admits the caller (the token of a link), and the servicer checks that.
            return handler

        async def with_identity(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            try:
                call.principal = await authenticator.authenticate(call)
                if not call.principal.may(method.permission):
                    raise permission_denied(method.permission)
            except ServiceError as error:
                if error.code is not StatusCode.UNAVAILABLE:
                    authenticator.denied(call, error)
                raise
            return await handler(request, context, call)

        return with_identity

    return interceptor
