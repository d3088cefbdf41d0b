"""Bounds what each caller has in flight, before the bound for all: one must not take the places of the others."""

from dataclasses import replace
from typing import Any

from grpc.aio import ServicerContext

from servicekit.identity.client_address import HEADER, holder
from servicekit.identity.principal import NOBODY
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import CallKind, Method
from servicekit.request_context import RequestContext
from servicekit.shares import OF_ADDRESS, Shares


def fair_shares(shares: Shares) -> Interceptor:
    def interceptor(method: Method, handler: Handler) -> Handler:
        return _of_address(shares, method, _of_caller(shares, method, handler))

    return interceptor


def _of_address(shares: Shares, method: Method, handler: Handler) -> Handler:
    if not shares.counts_addresses or method.call_kind not in {CallKind.QUICK, CallKind.LONG}:
        return handler

    async def with_share_of_address(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        if HEADER not in call.metadata:
            # A service of ours, for many callers: it came by no edge.
            return await handler(request, context, call)
        who, kind = OF_ADDRESS + holder(call.address), method.call_kind
        shares.require_of_address(who, kind)
        shares.take(who, kind)
        try:
            return await handler(request, context, call)
        finally:
            shares.give_back(who, kind)

    return with_share_of_address


def _of_caller(shares: Shares, method: Method, handler: Handler) -> Handler:
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
