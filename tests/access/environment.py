"""The access service, services that ask it, and callers with keys: what the tests of this folder put together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.message import Message
from qmcp.access.v1 import access_service_pb2, role_pb2
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.tools.v1 import tools_service_pb2

from servicekit.identity import credentials
from services.access import server as access_server
from services.hitl import server as hitl_server
from services.tools import server as tools_server
from tests.contract.running import Answer, Refusal, Running, connected

# No more than a guard against hanging.
GUARD_SECONDS = 60
ACCESS = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]
HITL = hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"]
TOOLS = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]


@dataclass(frozen=True)
class Files:
    """The keys that are there from the start, each in its file."""

    folder: Path
    # What a service asks access with.
    service: str

    @classmethod
    def made(cls, folder: Path) -> "Files":
        folder.mkdir(parents=True, exist_ok=True)
        text = credentials.generate()[0]
        (folder / "service").write_text(text)
        (folder / "preshared").write_text(f"# who asks\n{text} tools service\n")
        return cls(folder, text)

    @property
    def admin(self) -> str:
        return (self.folder / "admin").read_text().strip()

    def of_access(self, **others: Any) -> dict[str, Any]:
        """The settings of access."""
        return {
            "auth": "on",
            "metrics_port": 0,
            "grpc_port": 0,
            "shutdown_grace_seconds": 0.5,
            "access_bootstrap_key_file": self.folder / "admin",
            "access_preshared_keys_file": self.folder / "preshared",
            **others,
        }

    def of_service(self, access_port: int, **others: Any) -> dict[str, Any]:
        """The settings of a service that asks access."""
        return {
            "auth": "on",
            "metrics_port": 0,
            "grpc_port": 0,
            "shutdown_grace_seconds": 0.5,
            "access_address": f"127.0.0.1:{access_port}",
            "access_key_file": self.folder / "service",
            **others,
        }

    def of_tools(self, access_port: int, **others: Any) -> dict[str, Any]:
        """The same of tools."""
        own = {
            "tools_receipt_key_file": self.folder / "receipt-key.pem",
            "tools_secrets_key_file": self.folder / "tools-secrets-key",
        }
        return self.of_service(access_port, **own, **others)

    def of_hitl(self, access_port: int, **others: Any) -> dict[str, Any]:
        """The same of hitl."""
        own = {"hitl_secrets_key_file": self.folder / "seal", "hitl_callback_secret_file": self.folder / "callback"}
        return self.of_service(access_port, **own, **others)


def variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a process gets them."""
    return {f"QMCP_{name.upper()}": str(value) for name, value in settings.items()}


class Access:
    """Access as an administrator meets it."""

    def __init__(self, running: Running, files: Files, port: int) -> None:
        self.running = running
        self.files = files
        self.port = port

    @property
    def admin(self) -> dict[str, str]:
        return with_key(self.files.admin)

    async def must(self, method: str, /, key: str = "", **fields: Any) -> Any:
        """The answer of a call that has to go well; by the administrator unless another key is given."""
        request = self.running.request(method, **fields)
        return await self.running.must(method, request, with_key(key) if key else self.admin)

    async def refused(self, method: str, /, key: str = "", **fields: Any) -> Refusal:
        """The refusal of a call that has to fail."""
        request = self.running.request(method, **fields)
        return await self.running.refused(method, request, with_key(key) if key else self.admin)

    async def until_refused(self, key: str) -> None:
        """Until access itself knows that a key is invalid, as it is announced to all who remember it."""
        async with asyncio.timeout(GUARD_SECONDS):
            while isinstance(await self.running.call("WhoAmI", None, with_key(key)), Answer):
                await asyncio.sleep(0.005)

    async def key(self, *roles: str, owner: str = "somebody", **fields: Any) -> Any:
        """A new key as it was issued."""
        return await self.must("CreateKey", owner=owner, roles=roles, **fields)

    async def role(self, name: str, *permissions: str, **fields: Any) -> Any:
        """A new role."""
        return await self.must("CreateRole", role=role_pb2.Role(name=name, permissions=permissions, **fields))


@asynccontextmanager
async def access(database: str, files: Files, **settings: Any) -> AsyncIterator[Access]:
    """The access service in this process, with authentication on."""
    wanted = access_server.Settings(database_url=database, **files.of_access(**settings))
    async with access_server.compose(wanted) as server, connected(ACCESS, server.port) as running:
        yield Access(running, files, server.port)


@asynccontextmanager
async def tools(database: str, files: Files, access_port: int, **settings: Any) -> AsyncIterator[Running]:
    """The tools service in this process, asking access."""
    wanted = tools_server.Settings(database_url=database, **files.of_tools(access_port, **settings))
    async with tools_server.compose(wanted) as server, connected(TOOLS, server.port) as running:
        yield running


@asynccontextmanager
async def hitl(database: str, files: Files, access_port: int, **settings: Any) -> AsyncIterator[Running]:
    """The hitl service in this process, asking access."""
    wanted = hitl_server.Settings(database_url=database, **files.of_hitl(access_port, **settings))
    async with hitl_server.compose(wanted) as server, connected(HITL, server.port) as running:
        yield running


def with_key(key: str) -> dict[str, str]:
    return {"x-api-key": key}


async def who(running: Running, key: str) -> str:
    """Who calls a service with this key, or the code of the refusal."""
    return await who_with(running, with_key(key) if key else {})


async def who_with(running: Running, metadata: Mapping[str, str], seconds: float = 10) -> str:
    """The same for any headers. The tools service is asked to run a tool, since that records who asked."""
    request = tools_service_pb2.InvokeToolRequest(name="echo")
    request.input.update({"message": "hello"})
    answer = await running.call("InvokeTool", request, metadata, seconds)
    return answer.message.principal if isinstance(answer, Answer) else answer.code.name


async def code(running: Running, method: str, metadata: Mapping[str, str], request: Message | None = None) -> str:
    """How an RPC of any kind ends; of a stream, how it begins."""
    described = running.service.methods_by_name[method]
    request = request if request is not None else message_factory.GetMessageClass(described.input_type)()
    kind = running.channel.unary_stream if described.server_streaming else running.channel.unary_unary
    call = kind(
        f"/{running.service.full_name}/{method}", request_serializer=lambda message: message.SerializeToString()
    )(request, metadata=tuple(metadata.items()), timeout=60)
    try:
        if described.server_streaming:
            await call.read()
            call.cancel()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
