"""Finds out who calls, refuses what they may not do before anything is looked up, and ends what outlasts that."""

from typing import Any

from grpc import StatusCode
from grpc.aio import ServicerContext

from servicekit.errors import ServiceError, permission_denied
from servicekit.identity.authenticator import Authenticator
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import CallKind, Method
from servicekit.request_context import RequestContext


def identity(authenticator: Authenticator) -> Interceptor:
    def interceptor(method: Method, served: Handler) -> Handler:
        if method.permission.endswith(".anyone"):
            # The request itself holds what admits the caller (the token of a link), and the servicer checks that.
            return served

        async def while_it_counts(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            with authenticator.opened(call):
                return await served(request, context, call)

        # What is quick has ended before anything could be said of it.
        handler = served if method.call_kind is CallKind.QUICK else while_it_counts

        async def with_identity(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            try:
                call.principal = await authenticator.authenticate(call)
                if not call.principal.may(method.permission):
                    raise permission_denied(method.permission)
            except ServiceError as error:
                if error.code is not StatusCode.UNAVAILABLE:
                    authenticator.denied(call, error)
                raise
            try:
                return await handler(request, context, call)
            except ServiceError as error:
                denial = _denial(call, error)
                if denial is not None:
                    authenticator.denied(call, denial)
                raise

        return with_identity

    return interceptor


def _denial(call: RequestContext, error: ServiceError) -> ServiceError | None:
    """What is audited of a call that was let in and ended with an error; None where that was no denial."""
    if error is call.ended and error.code is not StatusCode.UNAVAILABLE:
        return error
    return call.denial
