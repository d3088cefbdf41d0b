"""The services that questioning calls: access, which knows who the callers are."""

from contextlib import AbstractAsyncContextManager

from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc

from servicekit.identity.remote_resolver import RemoteKeyResolver, remote_key_resolver
from servicekit.settings import ServiceSettings


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call questioning."""
    return remote_key_resolver(settings, "questioning", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)
