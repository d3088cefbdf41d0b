"""HTTP/JSON for a stand-in service: the edge hands bodies on as they came, so whoever answers reads and writes JSON."""

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from servicekit.errors import ServiceError
from servicekit.http_json import calls
from servicekit.methods import Method, methods_of
from servicekit.request_context import RequestContext

MAX_BODY_BYTES = 4 * 1024 * 1024


class JsonCalls(grpc.aio.ServerInterceptor):
    """Does for bare servicers what servicekit's interceptor does for services."""

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self._methods = {method.path: method for service in services for method in methods_of(service)}

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        method = self._methods.get(details.method)
        metadata = dict(details.invocation_metadata or ())
        if handler is None or method is None or not calls.is_transcoded(metadata):
            return handler
        build = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        serve = _stream(handler, method, metadata) if method.server_streaming else _unary(handler, method, metadata)
        return build(serve, handler.request_deserializer, lambda message: message.SerializeToString())


def _unary(handler, method: Method, metadata):
    async def serve(request, context):
        read = await _read(method, request, metadata, context)
        return await calls.answer_of(method, await handler.unary_unary(read, context))

    return serve


def _stream(handler, method: Method, metadata):
    async def serve(request, context):
        async for message in handler.unary_stream(await _read(method, request, metadata, context), context):
            yield await calls.event_of(method, message)
        if end := calls.end_of(method):
            yield end

    return serve


async def _read(method: Method, request, metadata, context):
    try:
        return await calls.request_of(method, request, RequestContext(metadata, method), MAX_BODY_BYTES)
    except ServiceError as refused:
        await context.abort(refused.code, refused.message)
