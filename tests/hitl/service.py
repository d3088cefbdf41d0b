"""What the tests of the hitl service work with: replicas composed in this process, real stubs, and short forms of calls."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2

from devstack import ports
from servicekit.server import Server
from services.hitl.server import compose
from services.hitl.settings import Settings
from tests.wire import query, scraped

pb = hitl_service_pb2
LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass
class Replica:
    """A running hitl service and a stub on it."""

    port: int
    stub: hitl_service_pb2_grpc.HitlServiceStub
    channel: grpc.aio.Channel
    settings: Settings
    server: Server

    async def ask(self, human_request: str = "", **fields: Any) -> request_pb2.HumanRequest:
        return await self.stub.CreateHumanRequest(question(human_request, **fields))

    async def get(self, human_request_id: str) -> request_pb2.HumanRequest:
        return (await self.stub.GetHumanRequest(pb.GetHumanRequestRequest(id=human_request_id))).request

    async def answer(
        self, human_request_id: str, response: Any = "approve", **fields: Any
    ) -> request_pb2.HumanResponse:
        return await self.stub.CreateHumanResponse(answer(human_request_id, response, **fields))

    async def wait(self, *ids: str, **fields: Any) -> hitl_service_pb2.WaitForResponseResponse:
        return await self.stub.WaitForResponse(pb.WaitForResponseRequest(ids=ids, **fields))

    async def listed(self, **fields: Any) -> list[request_pb2.HumanRequest]:
        return list((await self.stub.ListHumanRequests(pb.ListHumanRequestsRequest(page_size=500, **fields))).requests)

    async def history(self, human_request_id: str) -> list[str]:
        """The kinds of a request's events, in order."""
        request = pb.ListHumanRequestEventsRequest(id=human_request_id, page_size=500)
        return [event.kind for event in (await self.stub.ListHumanRequestEvents(request)).events]

    async def call(self, method: str, **fields: Any) -> Any:
        """Any RPC, with the fields of its request in their JSON form."""
        request_class: type[Message] = getattr(pb, f"{method}Request")
        return await getattr(self.stub, method)(json_format.ParseDict(fields, request_class()))

    async def let_time_pass(self, human_request_id: str) -> None:
        """Its time is up, by the clock of the database."""
        statement = "UPDATE human_requests SET expires_at = clock_timestamp() - interval '1 millisecond' WHERE id = $1"
        await query(self.settings.database_url, statement, human_request_id)

    async def metrics(self) -> dict[str, float]:
        """The samples of the metrics page, by name and sorted labels."""
        return await scraped(self.settings.metrics_port)


Start = Callable[..., Awaitable[Replica]]


def question(human_request: str = "", **fields: Any) -> hitl_service_pb2.CreateHumanRequestRequest:
    """A question from its JSON form: an approval unless something else is said."""
    asked = {"id": human_request, "request_type": "approval", "prompt": "Deploy?", "options": ["approve", "reject"]}
    return json_format.ParseDict({**asked, **fields}, pb.CreateHumanRequestRequest())


def answer(
    human_request_id: str, response: Any = "approve", **fields: Any
) -> hitl_service_pb2.CreateHumanResponseRequest:
    """An answer from its JSON form."""
    return json_format.ParseDict(
        {"human_request_id": human_request_id, "response": response, **fields}, pb.CreateHumanResponseRequest()
    )


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Replica]:
    # The channel outlives the server, so that callers see how their calls end when it stops.
    async with AsyncExitStack() as after, compose(settings) as server:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await after.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=options)
        )
        yield Replica(server.port, hitl_service_pb2_grpc.HitlServiceStub(channel), channel, settings, server)


def settings_for(url: str, folder: Path, **changes: Any) -> Settings:
    wanted = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "database_pool_size": 5,
        "shutdown_grace_seconds": 0.5,
        "hitl_secrets_key_file": folder / "secrets-key",
        "hitl_callback_secret_file": folder / "callback-secret",
        "hitl_allowed_networks": ",".join(LOOPBACK),
        "tasks_address": "",
    }
    return Settings(**{**wanted, **changes})
