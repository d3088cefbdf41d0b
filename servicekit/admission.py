"""Refuses calls that are too many before anything is done for them: before their bytes are read, and who sends them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from grpc.aio import ServicerContext

from servicekit.errors import shed, to_status
from servicekit.methods import CallKind, Method
from servicekit.metrics import CallMetrics
from servicekit.request_context import new_id
from servicekit.shedding import LoadShedding, told

# Waits and streams cost nothing while they last, and what they wait for must reach them.
KINDS = frozenset({CallKind.QUICK, CallKind.LONG})
IDS = frozenset({"x-request-id", "x-correlation-id"})
# Ends a call as every error is told.
Refuse = Callable[[Any, "ServicerContext[Any, Any]"], Awaitable[None]]


class Admission:
    """What is let in to a server, and how the rest is refused."""

    def __init__(self, shedding: LoadShedding, metrics: CallMetrics) -> None:
        self.shedding = shedding
        self._metrics = metrics

    def refusal(self, method: Method) -> Refuse | None:
        """What refuses calls of a method where there are too many; None where they are never refused for that."""
        if method.call_kind not in KINDS or method.client_streaming or method.server_streaming:
            return None
        error = shed()

        async def refuse(_request: object, context: "ServicerContext[Any, Any]") -> None:
            # Counted; no line tells of each.
            self._metrics.begin()
            self._metrics.end(method.path, method.call_kind.name.lower(), error.code, 0.0)
            given = {name: value for name, value in context.invocation_metadata() or () if name in IDS}
            request_id = str(given.get("x-request-id") or new_id())
            status = to_status(error, domain=method.domain, request_id=request_id)
            trailers: tuple[tuple[str, str | bytes], ...] = (
                ("x-request-id", request_id),
                ("x-correlation-id", str(given.get("x-correlation-id") or new_id())),
                told(self.shedding.admitted),
                ("grpc-status-details-bin", status.SerializeToString()),
            )
            await context.abort(error.code, status.message, trailers)

        return refuse

    def door(
        self, service: str, handlers: "Mapping[Method, grpc.RpcMethodHandler[Any, Any]]"
    ) -> grpc.GenericRpcHandler:
        """The RPCs of a service, as gRPC looks them up for each call that comes."""
        # As if their requests came in a stream: gRPC reads of those only what it is asked for.
        refusing: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            method.path: grpc.stream_unary_rpc_method_handler(refuse)
            for method in handlers
            if (refuse := self.refusal(method)) is not None
        }
        return _Door(service, {method.path: handler for method, handler in handlers.items()}, refusing, self.shedding)


class _Door(grpc.ServiceRpcHandler):
    def __init__(
        self,
        service: str,
        handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]",
        refusing: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]",
        shedding: LoadShedding,
    ) -> None:
        self._service = service
        self._handlers = handlers
        self._refusing = refusing
        self._shedding = shedding

    def service_name(self) -> str:
        """Implements grpc.ServiceRpcHandler."""
        return self._service

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Implements grpc.GenericRpcHandler."""
        path = handler_call_details.method
        handlers = self._handlers
        if self._shedding.admitted < 1.0 and path in self._refusing:
            headers = dict(handler_call_details.invocation_metadata or ())
            handlers = self._refusing if self._shedding.refuses(headers) else handlers
        return handlers.get(path)
