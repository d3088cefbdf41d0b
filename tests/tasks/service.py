"""What the tests of the tasks service work with: replicas composed in this process, and short forms of calls."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from qmcp.tasks.v1 import (
    agent_pb2,
    assumption_pb2,
    board_document_pb2,
    board_pb2,
    epic_pb2,
    knowledge_pb2,
    original_knowledge_pb2,
    original_pb2,
    planning_pb2,
    project_pb2,
    tasks_service_pb2,
    tasks_service_pb2_grpc,
)

from devstack import ports
from services.tasks.server import compose
from services.tasks.settings import Settings
from tests.contract.running import refusal
from tests.wire import scraped

MODULES = (
    agent_pb2,
    assumption_pb2,
    board_document_pb2,
    board_pb2,
    epic_pb2,
    knowledge_pb2,
    original_knowledge_pb2,
    original_pb2,
    planning_pb2,
    project_pb2,
    tasks_service_pb2,
)


class RefusedError(Exception):
    """A call that failed, with its reason."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.refusal = refusal(error)
        super().__init__(f"{self.refusal.reason}: {self.refusal.message}")


@dataclass
class Replica:
    """A running service and a stub on it."""

    stub: tasks_service_pb2_grpc.TasksServiceStub
    settings: Settings
    port: int

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """Any RPC, from and to JSON; as HTTP has it."""
        request_class: type[Message] = next(
            getattr(module, f"{method}Request") for module in MODULES if hasattr(module, f"{method}Request")
        )
        try:
            answer = await getattr(self.stub, method)(json_format.ParseDict(fields, request_class()))
        except grpc.aio.AioRpcError as error:
            raise RefusedError(error) from None
        shown: dict[str, Any] = json_format.MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return shown

    async def task(self, project: str, name: str, **fields: Any) -> str:
        """The id of a task in the epic `e` of a project, by its name."""
        made = await self.call("CreateTask", project_name=project, epic_name="e", name=name, **fields)
        return str(made["id"])

    async def transition(self, task: str, status: str, **fields: Any) -> dict[str, Any]:
        """Brings a task to a status, under its lease where it has one."""
        token = (await self.call("GetTask", id=task)).get("lease", {}).get("fencing_token", 0)
        return await self.call("TransitionTask", id=task, status=status, fencing_token=token, **fields)

    async def metrics(self) -> dict[str, float]:
        return await scraped(self.settings.metrics_port)


@asynccontextmanager
async def replica(url: str, **changes: Any) -> AsyncIterator[Replica]:
    wanted: dict[str, Any] = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "database_pool_size": 5,
        "tasks_allowed_networks": "127.0.0.0/8",
        "tasks_evidence_max_bytes": 1024 * 1024,
        **changes,
    }
    settings = Settings(**wanted, shutdown_grace_seconds=0.5)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(compose(settings))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        yield Replica(tasks_service_pb2_grpc.TasksServiceStub(channel), settings, server.port)
