"""OpenTelemetry traces over OTLP, wired only where a collector is configured.

opentelemetry-instrumentation-grpc costs a third of the throughput even for calls that are not sampled (measured), so
a server without a collector does not have it at all.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import isasyncgenfunction
from typing import Any

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
        yield (_with_streams(aio_server_interceptor(tracer_provider=provider)),)  # type: ignore[no-untyped-call]
    finally:
        provider.shutdown()


def _with_streams(interceptor: Any) -> ServerInterceptor:
    """The interceptor for streams of ours, too: it takes generators alone, and ours write through the context."""
    # There is no other way in: the package makes of every stream a generator.
    of_generators = interceptor._intercept_aio_server_stream  # noqa: SLF001
    of_coroutines = interceptor._intercept_aio_server_unary  # noqa: SLF001

    def of_either(behavior: Any, details: Any) -> Any:
        return (of_generators if isasyncgenfunction(behavior) else of_coroutines)(behavior, details)

    interceptor._intercept_aio_server_stream = of_either  # noqa: SLF001
    wrapped: ServerInterceptor = interceptor
    return wrapped
