"""Builds a gRPC server around servicers: interceptors, health, reflection, limits, drain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import grpc
import structlog
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import ServiceDescriptor
from grpc.aio import ServicerContext
from grpc_health.v1 import health_pb2_grpc
from prometheus_client import CollectorRegistry

from servicekit import reflection
from servicekit.admission import Admission
from servicekit.health import Check, Readiness
from servicekit.http_status import answer_with
from servicekit.identity.authenticator import Authenticator
from servicekit.identity.client_address import address_of
from servicekit.interceptors import Handler, Interceptor, compose
from servicekit.interceptors.context import request_context
from servicekit.interceptors.deadline import deadline
from servicekit.interceptors.errors import declared_errors
from servicekit.interceptors.headers import keep_headers_from_the_log, sound_headers
from servicekit.interceptors.http_json import http_json
from servicekit.interceptors.identity import identity
from servicekit.interceptors.reading import deserializer, reading
from servicekit.interceptors.refused import Refused, refused
from servicekit.interceptors.shares import fair_shares
from servicekit.interceptors.telemetry import RequestLines, telemetry
from servicekit.interceptors.validation import validation
from servicekit.interceptors.writing import bounded_writes
from servicekit.methods import Method, methods_of
from servicekit.metrics import CallMetrics
from servicekit.reporting import reporting
from servicekit.request_context import RequestContext
from servicekit.settings import ServiceSettings
from servicekit.shares import Shares
from servicekit.shedding import LoadShedding
from servicekit.sqlstates import service_error
from servicekit.tracing import tracing
from servicekit.unreadable import Unreadable

logger = structlog.get_logger(__name__)

MAX_HEADERS_BYTES = 48 * 1024
# Of what a standard's RPC takes and answers.
PROTOBUF = "application/x-protobuf"
Serve: TypeAlias = Callable[[Any, "ServicerContext[Any, Any]"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer of an RPC service; all that is to be known besides says its proto."""

    descriptor: ServiceDescriptor
    servicer: object
    # What keeps a record of requests that are INVALID_REQUEST, by the names of its RPCs.
    refused: Mapping[str, Refused] = field(default_factory=dict)


class Server:
    """A gRPC server that serves."""

    def __init__(
        self,
        server: grpc.aio.Server,
        port: int,
        readiness: Readiness,
        settings: ServiceSettings,
        on_drain: Callable[[], None],
    ) -> None:
        self._server = server
        self._readiness = readiness
        self._settings = settings
        self._on_drain = on_drain
        self.port = port

    async def drain(self) -> None:
        """Leaves the load balancer, refuses new calls, lets those in flight end."""
        await self._readiness.leave()
        if self._settings.drain_seconds:
            await asyncio.sleep(self._settings.drain_seconds)
        self._on_drain()
        await self._server.stop(self._settings.shutdown_grace_seconds)


@asynccontextmanager
async def serving(
    settings: ServiceSettings,
    services: Sequence[Service],
    *,
    authenticator: Authenticator,
    registry: CollectorRegistry,
    checks: Mapping[str, Check],
    on_drain: Callable[[], None] = lambda: None,
    shares: Shares | None = None,
) -> AsyncIterator[Server]:
    """Serves until the block is left, then drains.

    Args:
        settings: where, and how much.
        services: what to serve.
        authenticator: who the callers are.
        registry: where the metrics of the calls go.
        checks: the dependencies that must answer for the server to be ready.
        on_drain: told when connections are about to be refused, for streams and waits that would not end by themselves:
            each of them would hold the stop up for the whole grace time.
        shares: what each caller has in flight, where the domain counts more of it than calls.
    """
    names = [service.descriptor.full_name for service in services]
    readiness = Readiness(names, checks)
    with tracing(f"qmcp-{names[0].split('.')[1]}", settings.otlp_endpoint) as spans:
        keep_headers_from_the_log()
        server = grpc.aio.server(interceptors=spans, options=_options(settings))
        lines, metrics = RequestLines(), CallMetrics(registry)
        admission = Admission(LoadShedding(registry), metrics)
        outer = (
            telemetry(metrics, lines),  # sees every outcome
            request_context,  # ids, before anything may fail
            declared_errors,  # all that fails inside becomes a status
            sound_headers,  # the ids and the credential, before either is used
            identity(authenticator),  # who, before what
            fair_shares(shares or Shares.under(settings)),  # of one caller, before those of all
            deadline(settings.default_deadline_seconds, settings.max_concurrent_calls),
            bounded_writes(settings.max_unread_seconds),  # of streams, which have no deadline
            reading,  # of those who may call, and in time
        )
        for service in services:
            # What is refused further in, for who records it; bodies; the servicer sees valid requests only.
            interceptors = (*outer, refused(service.refused), http_json(settings.max_message_bytes), validation)
            handlers = {
                method: _rpc_handler(method, _servicer_method(service, method), interceptors, admission)
                for method in methods_of(service.descriptor)
            }
            # What is too much, before anything.
            server.add_generic_rpc_handlers((admission.door(service.descriptor.full_name, handlers),))
            for method in methods_of(service.descriptor):
                if method.standard:
                    handler = _standard_handler(method, _servicer_method(service, method), interceptors, admission)
                    named = replace(method, path=f"/{method.standard}")
                    door = admission.door(method.standard.partition("/")[0], {named: handler})
                    server.add_generic_rpc_handlers((door,))
        health_pb2_grpc.add_HealthServicer_to_server(readiness.servicer, server)
        reflection.enable(server)
        port = _bind(server, settings)
        probed = _health_alone(readiness, settings)
        await readiness.alive()
        await readiness.check()
        watch = asyncio.create_task(readiness.watch(), name="readiness")
        await server.start()
        await probed.start()
        logger.info("server_started", services=names, host=settings.grpc_host, port=port)
        running = Server(server, port, readiness, settings, on_drain)
        try:
            async with reporting(settings, f"qmcp-{names[0].split('.')[1]}", registry):
                yield running
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await running.drain()
            await probed.stop(None)
            lines.write()
            logger.info("server_stopped", services=names)


def _options(settings: ServiceSettings) -> list[tuple[str, int]]:
    options = [
        # A busy port must fail, not be shared.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        # gRPC's default of 1,000 not yet accepted calls ends bursts of waiters with CANCELLED.
        ("grpc.server.max_pending_requests", 100_000),
        ("grpc.server.max_pending_requests_hard_limit", 200_000),
        # The edge takes 16 KB and hands a path on twice. gRPC's default refuses from 8 KB on, by chance, as overload.
        ("grpc.max_metadata_size", MAX_HEADERS_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_HEADERS_BYTES),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ]
    if settings.max_connection_age_seconds:
        age_ms = settings.max_connection_age_seconds * 1000
        options += [("grpc.max_connection_age_ms", age_ms), ("grpc.max_connection_age_grace_ms", age_ms)]
    return options


def _bind(server: grpc.aio.Server, settings: ServiceSettings) -> int:
    certificates = settings.certificates()
    try:
        if certificates is not None:
            return server.add_secure_port(settings.grpc_address, certificates.of_server())
        return server.add_insecure_port(settings.grpc_address)
    except RuntimeError:
        raise SystemExit(
            f"gRPC cannot listen on {settings.grpc_address}: the port is in use or the address is not this machine's. "
            "Set QMCP_GRPC_PORT to a free port."
        ) from None


def _health_alone(readiness: Readiness, settings: ServiceSettings) -> grpc.aio.Server:
    """A server that tells the health and nothing else, in plain text: the kubelet's probes know no certificates."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    if settings.grpc_health_port:
        health_pb2_grpc.add_HealthServicer_to_server(readiness.servicer, server)
        address = f"{settings.grpc_address.rpartition(':')[0]}:{settings.grpc_health_port}"
        try:
            server.add_insecure_port(address)
        except RuntimeError:
            raise SystemExit(
                f"gRPC health cannot listen on {address}. Set QMCP_GRPC_HEALTH_PORT to a free port."
            ) from None
    return server


def _servicer_method(service: Service, method: Method) -> Handler:
    implementation: Callable[[Any, Any], Any] = getattr(service.servicer, method.name)
    if not method.server_streaming:

        def answer(request: Any, context: "ServicerContext[Any, Any]", _call: RequestContext) -> Awaitable[Any]:
            answered: Awaitable[Any] = implementation(request, context)
            return answered

        async def answer_by_status(request: Any, context: "ServicerContext[Any, Any]", _call: RequestContext) -> Any:
            message = await implementation(request, context)
            await answer_with(context, method.success_status)
            return message

        return answer_by_status if method.success_status else answer

    async def stream(request: Any, context: "ServicerContext[Any, Any]", _call: RequestContext) -> None:
        # Closed when it is left, not when nobody refers to it any more: what it holds, others wait for.
        async with aclosing(implementation(request, context)) as messages:
            async for message in messages:
                await context.write(message)

    return stream


def _rpc_handler(
    method: Method, servicer_method: Handler, interceptors: Sequence[Interceptor], admission: Admission
) -> "grpc.RpcMethodHandler[Any, Any]":
    serve = _serving(method, servicer_method, interceptors, admission)
    build: Callable[..., grpc.RpcMethodHandler[Any, Any]] = (
        grpc.stream_stream_rpc_method_handler if method.server_streaming else grpc.stream_unary_rpc_method_handler
    )
    return build(
        serve if method.client_streaming else _of_one(method, serve),
        request_deserializer=deserializer(method),
        response_serializer=_serialize,
    )


def _standard_handler(
    method: Method, servicer_method: Handler, interceptors: Sequence[Interceptor], admission: Admission
) -> "grpc.RpcMethodHandler[Any, Any]":
    """The same RPC under the name that it has in a standard: its message is the body, and so is that of the answer."""
    serve = _serving(method, servicer_method, interceptors, admission)

    def deserialize(serialized: bytes) -> Any:
        return method.request_class(**{method.body: HttpBody(content_type=PROTOBUF, data=serialized)})

    def serialize(answer: Any) -> bytes:
        data: bytes = answer.data
        return data

    return grpc.stream_unary_rpc_method_handler(
        _of_one(method, serve), request_deserializer=deserialize, response_serializer=serialize
    )


def _of_one(method: Method, serve: Serve) -> Serve:
    """The same for gRPC's first request of a stream.

    Of a call that ends without its request, or within it, gRPC's own handlers for one request hear nothing: it would be
    open, with a place of the edge's, for as long as its route may take, and nobody would ask who calls.
    """

    async def serve_one(_requests: object, context: "ServicerContext[Any, Any]") -> Any:
        request: Any = await context.read()
        return await serve(Unreadable(method.request_class, b"") if request is grpc.aio.EOF else request, context)

    return serve_one


def _serving(
    method: Method, servicer_method: Handler, interceptors: Sequence[Interceptor], admission: Admission
) -> Serve:
    handler = compose(interceptors, method, servicer_method)
    refuse = admission.refusal(method)

    async def serve(request: Any, context: "ServicerContext[Any, Any]") -> Any:
        call = RequestContext.of(tuple(context.invocation_metadata() or ()), method)
        call.address = address_of(call.metadata, context.peer)
        if refuse is not None and not admission.shedding.begin(call, context.time_remaining):
            await refuse(request, context)
        answer = await handler(request, context, call)
        if call.for_edge is not None and (news := call.for_edge()):
            await context.send_initial_metadata(news)
        return answer

    return serve


def _serialize(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized


# Long enough for what a loop does when it is to end.
CANCEL_AGAIN_SECONDS = 10.0

Loop = Callable[[], Awaitable[None]]


@asynccontextmanager
async def background(loops: Mapping[str, Loop]) -> AsyncIterator[None]:
    """Runs loops beside the server; one that fails is reported and begun anew after a second."""
    tasks = [asyncio.create_task(_for_ever(name, loop), name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        await _ended(tasks)


async def _ended(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancels them until they have ended: libraries forget a cancellation that comes with what was waited for."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
    # Whatever they ended with has been told, or does not matter any more.
    await asyncio.gather(*tasks, return_exceptions=True)


async def _for_ever(name: str, loop: Loop) -> None:
    while True:
        try:
            await loop()
        except Exception as error:
            if service_error(error) is not None:
                # Expected where a database restarts; a page of stack for each loop would hide what matters.
                logger.warning("background_loop_waits", loop=name, error=str(error), error_type=type(error).__name__)
            else:
                logger.exception("background_loop_failed", loop=name)
        await asyncio.sleep(1)
