"""OpenTelemetry traces over OTLP, wired only where a collector is configured.

opentelemetry-instrumentation-grpc costs a third of the throughput even for calls that are not sampled (measured), so
a server without a collector does not have it at all.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import isasyncgenfunction
from typing import Any

import grpc
from grpc.aio import ServerInterceptor


@contextmanager
def tracing(service: str, otlp_endpoint: str) -> Iterator[Sequence[ServerInterceptor]]:
    """The interceptors that make a span of every RPC, children of the caller's `traceparent`.

    Args:
        service: what the spans are of, `qmcp-tools`.
        otlp_endpoint: `http://host:4317`; empty yields no interceptor.
    """
    if not otlp_endpoint:
        yield ()
        return
    # Here, because reading them takes a sixth of a service's start, and most have no collector.
    from opentelemetry import propagate  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.grpc import aio_server_interceptor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    propagate.set_global_textmap(TraceContextTextMapPropagator())
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint, insecure=otlp_endpoint.startswith("http://")))
    )
    try:
        yield (_OfEveryKind(aio_server_interceptor(tracer_provider=provider)),)  # type: ignore[no-untyped-call]
    finally:
        provider.shutdown()


class _OfEveryKind(ServerInterceptor):
    """The package's interceptor, for streams of ours too: it takes these for generators, and they write for themselves.

    So it sees of these a handler of one answer, which is what they are to it: a coroutine that ends when the call does.
    """

    def __init__(self, interceptor: ServerInterceptor) -> None:
        self._interceptor = interceptor

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or not handler.response_streaming or isasyncgenfunction(_behavior(handler)):
            return await self._intercepted(handler, handler_call_details)
        of_one, of_many = (
            (grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler)
            if handler.request_streaming
            else (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler)
        )
        codecs = (handler.request_deserializer, handler.response_serializer)
        spanned = await self._intercepted(of_one(_behavior(handler), *codecs), handler_call_details)
        return of_many(_behavior(spanned), *codecs)

    async def _intercepted(self, handler: Any, details: Any) -> Any:
        async def given(_: Any) -> Any:
            return handler

        return await self._interceptor.intercept_service(given, details)


def _behavior(handler: Any) -> Any:
    return handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
