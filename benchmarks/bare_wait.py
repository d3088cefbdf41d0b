"""`python -m benchmarks.bare_wait KIND PORT`: a WaitForResponse that waits for nothing: what an open call costs.

KIND `bare` is grpc.aio itself with the options of servicekit.server; `serving` is servicekit's server whole.
ListHumanRequests tells in `count` how many wait.
"""

import asyncio
import os
import signal
import sys

os.environ["GRPC_EXPERIMENTS"] = "-event_engine_listener,-event_engine_client"

import grpc
import uvloop
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc

from servicekit import logs
from servicekit.identity.authenticator import Keyless
from servicekit.metrics import new_registry
from servicekit.server import Service, _options, serving
from servicekit.settings import ServiceSettings


class Waits(hitl_service_pb2_grpc.HitlServiceServicer):
    """Holds every wait open."""

    def __init__(self) -> None:
        self._waiting = 0

    async def WaitForResponse(  # noqa: N802 - named as the RPC is
        self, _request: hitl_service_pb2.WaitForResponseRequest, _context: object
    ) -> hitl_service_pb2.WaitForResponseResponse:
        self._waiting += 1
        held: asyncio.Future[hitl_service_pb2.WaitForResponseResponse] = asyncio.get_running_loop().create_future()
        return await held

    async def ListHumanRequests(  # noqa: N802
        self, _request: hitl_service_pb2.ListHumanRequestsRequest, _context: object
    ) -> hitl_service_pb2.ListHumanRequestsResponse:
        return hitl_service_pb2.ListHumanRequestsResponse(count=self._waiting)


async def serve(kind: str, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = ServiceSettings(database_url="postgresql://none", grpc_port=port, shutdown_grace_seconds=0)
    if kind == "serving":
        descriptor = hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"]
        async with serving(
            settings,
            [Service(descriptor, Waits(), waits={"WaitForResponse"})],
            authenticator=Keyless(),
            registry=new_registry(),
            checks={},
        ):
            await stop.wait()
        return
    server = grpc.aio.server(options=_options(settings))
    hitl_service_pb2_grpc.add_HitlServiceServicer_to_server(Waits(), server)
    server.add_insecure_port(settings.grpc_address)
    await server.start()
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    logs.configure("WARNING", "json")
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
