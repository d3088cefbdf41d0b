"""The services that hitl calls: access, which knows who the callers are, and tasks, which gives leases."""

from contextlib import AbstractAsyncContextManager

from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc

from servicekit.identity.remote_resolver import RemoteKeyResolver, remote_key_resolver
from servicekit.leased_work import Leases, remote_leases
from servicekit.settings import ServiceSettings


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call hitl."""
    return remote_key_resolver(settings, "hitl", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)


def leases(settings: ServiceSettings, address: str) -> AbstractAsyncContextManager[Leases]:
    """Who says whether callers hold the leases of tasks that they name."""
    return remote_leases(settings, address, "tasks", tasks_service_pb2_grpc.TasksServiceStub, tasks_service_pb2)
