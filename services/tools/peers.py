"""The services that tools calls: access, which knows who the callers are."""

from contextlib import AbstractAsyncContextManager

from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc

from servicekit.remote_directory import RemoteDirectory, remote_directory
from servicekit.settings import ServiceSettings


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteDirectory]:
    """Who may call tools."""
    return remote_directory(settings, "tools", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)
