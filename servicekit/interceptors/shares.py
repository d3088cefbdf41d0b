"""Bounds what each caller has in flight, before the bound for all: one must not take the places of the others."""

from dataclasses import replace
from typing import Any

from grpc.aio import ServicerContext

from servicekit.identity.client_address import holder
from servicekit.identity.principal import NOBODY
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import RequestContext
from servicekit.shares import Shares


def fair_shares(shares: Shares) -> Interceptor:
    def interceptor(method: Method, handler: Handler) -> Handler:
        async def with_share(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            # Whoever has no name, having come by a link, is told apart by the address.
            caller = call.principal if call.principal.name else replace(NOBODY, name=f"@{holder(call.address)}")
            name, kind = caller.name, method.call_kind
            shares.require(caller, kind)
            shares.take(name, kind)
            try:
                return await handler(request, context, call)
            finally:
                shares.give_back(name, kind)

        return with_share

    return interceptor
