"""What the tests of the questioning service work with: replicas composed in this process, and short forms of calls."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from qmcp.questioning.v1 import bank_pb2, questioning_service_pb2, questioning_service_pb2_grpc

from devstack import ports
from services.questioning.server import compose
from services.questioning.settings import Settings
from tests.contract.running import refusal
from tests.wire import scraped

pb = questioning_service_pb2


class RefusedError(Exception):
    """A call that failed, with its reason."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.refusal = refusal(error)
        super().__init__(f"{self.refusal.reason}: {self.refusal.message}")


@dataclass
class Replica:
    """A running service and a stub on it."""

    stub: questioning_service_pb2_grpc.QuestioningServiceStub
    settings: Settings

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """Any RPC, from and to JSON; as HTTP has it."""
        name = f"{method}Request"
        request_class: type[Message] = getattr(bank_pb2 if hasattr(bank_pb2, name) else pb, name)
        try:
            answer = await getattr(self.stub, method)(json_format.ParseDict(fields, request_class()))
        except grpc.aio.AioRpcError as error:
            raise RefusedError(error) from None
        shown: dict[str, Any] = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        return shown

    async def begin(self, goal: dict[str, Any] | None = None, **fields: Any) -> str:
        """The id of a new conversation."""
        return str((await self.call("CreateConversation", goal=goal or {}, **fields))["id"])

    async def answer(self, conversation: str, question: str, said: Any = None, **fields: Any) -> dict[str, Any]:
        answer = {"question_id": question, "answer": said, **fields}
        return await self.call("AnswerQuestions", conversation_id=conversation, answers=[answer])

    async def revise(self, conversation: str, question: str, said: Any = None) -> dict[str, Any]:
        answer = {"question_id": question, "answer": said}
        return await self.call("ReviseAnswer", conversation_id=conversation, answer=answer, question_count=20)

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        listed = await self.call("ListMessages", conversation_id=conversation, page_size=500)
        return list(listed["messages"])

    async def metrics(self) -> dict[str, float]:
        return await scraped(self.settings.metrics_port)


Start = Callable[[], Awaitable[Replica]]


@asynccontextmanager
async def replica(url: str, **changes: Any) -> AsyncIterator[Replica]:
    wanted: dict[str, Any] = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "database_pool_size": 5,
        **changes,
    }
    settings = Settings(**wanted, shutdown_grace_seconds=0.5)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(compose(settings))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        yield Replica(questioning_service_pb2_grpc.QuestioningServiceStub(channel), settings)
