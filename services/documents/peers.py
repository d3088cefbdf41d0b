"""The services that documents calls: access, which knows who the callers are."""

from contextlib import AbstractAsyncContextManager

from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc

from servicekit.identity.remote_resolver import RemoteKeyResolver, remote_key_resolver
from servicekit.settings import ServiceSettings


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call documents."""
    return remote_key_resolver(settings, "documents", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)
