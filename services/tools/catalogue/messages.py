"""Domain ↔ protobuf of what stands behind an HTTP or a gRPC tool, pure functions in both directions."""

from qmcp.tools.v1 import http_placement_pb2, tool_pb2

from servicekit.masking import MASKED, masked_url
from services.tools import models
from services.tools.catalogue.styles import DEFAULT_STYLES, EXPLODED


def http_source_from(message: tool_pb2.HttpSource) -> models.HttpSource:
    """What is left out becomes what it means, so that a tool is the same whichever way it is written."""
    parameters = []
    for each in message.parameters:
        style = each.style or DEFAULT_STYLES[each.location]
        explode = each.explode if each.HasField("explode") else style in EXPLODED
        name = each.name or each.argument
        parameters.append(
            models.HttpParameter(
                each.argument, each.location, name, style, explode, each.allow_reserved, each.content_type
            )
        )
    body = None
    if message.HasField("body"):
        parts = [
            models.HttpPart(
                each.argument, each.format, each.explode if each.HasField("explode") else True, each.content_type
            )
            for each in message.body.parts
        ]
        body = models.HttpRequestBody(
            message.body.format or "json", message.body.content_type, message.body.argument, tuple(parts)
        )
    return models.HttpSource(
        message.method,
        message.url,
        dict(message.headers),
        tuple(parameters),
        body,
        message.follow_redirects,
        message.transport_profile,
        tuple(message.caller_headers),
    )


def http_source_to(source: models.HttpSource, *, whole: bool) -> tool_pb2.HttpSource:
    url, headers = source.url, dict(source.headers)
    if not whole:
        url, headers = masked_url(url), dict.fromkeys(headers, MASKED)
    message = tool_pb2.HttpSource(
        method=source.method,
        url=url,
        headers=headers,
        parameters=map(_parameter, source.parameters),
        follow_redirects=source.follow_redirects,
        transport_profile=source.transport_profile,
        caller_headers=source.caller_headers,
    )
    if source.body is not None:
        body = source.body
        parts = map(_part, body.parts)
        message.body.CopyFrom(
            http_placement_pb2.HttpRequestBody(
                format=body.format, content_type=body.content_type, argument=body.argument, parts=parts
            )
        )
    return message


def grpc_source_from(message: tool_pb2.GrpcSource) -> models.GrpcSource:
    return models.GrpcSource(
        message.target,
        message.method,
        message.tls,
        dict(message.metadata),
        message.transport_profile,
        message.server_name,
    )


def grpc_source_to(source: models.GrpcSource, *, whole: bool) -> tool_pb2.GrpcSource:
    metadata = dict(source.metadata) if whole else dict.fromkeys(source.metadata, MASKED)
    return tool_pb2.GrpcSource(
        target=source.target,
        method=source.method,
        tls=source.tls,
        metadata=metadata,
        transport_profile=source.transport_profile,
        server_name=source.server_name,
    )


def _parameter(each: models.HttpParameter) -> http_placement_pb2.HttpParameter:
    return http_placement_pb2.HttpParameter(**{name: getattr(each, name) for name in each.__slots__})


def _part(each: models.HttpPart) -> http_placement_pb2.HttpPart:
    return http_placement_pb2.HttpPart(**{name: getattr(each, name) for name in each.__slots__})
