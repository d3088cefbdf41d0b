"""Whether the whole system can do its work: the gRPC health of every service, asked of every replica."""

import asyncio
from collections.abc import Mapping

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.settings import host_and_port
from gateway.web.replicas import replicas

SERVING = health_pb2.HealthCheckResponse.SERVING


async def unhealthy(
    services: Mapping[str, str], pages: Mapping[str, str], seconds: float, credentials: grpc.ChannelCredentials | None
) -> dict[str, str]:
    """What has no replica that is ready, each with what was found; empty when all is well.

    Args:
        services: `host:port` of each service by name.
        pages: the same of what answers /health over HTTP.
        seconds: how long each has to answer.
        credentials: for the services; without them they are asked in plain text.
    """
    found = await asyncio.gather(
        *(_state(address, seconds, credentials) for address in services.values()),
        *(_answers(address, seconds) for address in pages.values()),
    )
    return {name: state for name, state in zip((*services, *pages), found, strict=True) if state != "SERVING"}


async def _answers(address: str, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds) as client:
            answer = await client.get(f"http://{address}/health")
    except (httpx.HTTPError, TimeoutError):
        return "UNAVAILABLE"
    return "SERVING" if answer.status_code == httpx.codes.OK else "NOT_SERVING"


async def _state(address: str, seconds: float, credentials: grpc.ChannelCredentials | None) -> str:
    targets = await replicas(address)
    if not targets:
        return "UNRESOLVED"
    states = await asyncio.gather(*(_ask(_channel(target, address, credentials), seconds) for target in targets))
    return "SERVING" if "SERVING" in states else states[0]


def _channel(target: str, address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(target)
    # Each replica is asked by its own address, and has a certificate for the name of all.
    name = ("grpc.ssl_target_name_override", host_and_port(address)[0])
    return grpc.aio.secure_channel(target, credentials, options=[name])


async def _ask(channel: grpc.aio.Channel, seconds: float) -> str:
    async with channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=seconds, wait_for_ready=False
            )
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
