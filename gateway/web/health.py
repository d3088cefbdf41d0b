"""Whether the whole system can do its work: the gRPC health of every service, asked of every replica."""

import asyncio
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.web.replicas import replicas

SERVING = health_pb2.HealthCheckResponse.SERVING


async def unhealthy(services: Mapping[str, str], seconds: float) -> dict[str, str]:
    """The services of which no replica is ready, each with what was found; empty when all is well.

    `services` maps names to `host:port`; each has `seconds` to answer.
    """
    found = await asyncio.gather(*(_state(address, seconds) for address in services.values()))
    return {name: state for name, state in zip(services, found, strict=True) if state != "SERVING"}


async def _state(address: str, seconds: float) -> str:
    targets = await replicas(address)
    if not targets:
        return "UNRESOLVED"
    states = await asyncio.gather(*(_ask(target, seconds) for target in targets))
    return "SERVING" if "SERVING" in states else states[0]


async def _ask(target: str, seconds: float) -> str:
    async with grpc.aio.insecure_channel(target) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=seconds, wait_for_ready=False
            )
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
