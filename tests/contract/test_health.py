"""Every service says how it is under the same names, and lets itself be explored."""

import asyncio
import time
from urllib.parse import urlsplit

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway import contract
from tests.contract.running import Running
from tests.contract.subject import Subject
from tests.stack import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
FLIPS_WITHIN = 60.0


async def status(running: Running, name: str) -> int:
    answer = await health_pb2_grpc.HealthStub(running.channel).Check(health_pb2.HealthCheckRequest(service=name))
    return int(answer.status)


async def until(running: Running, name: str, wanted: int) -> None:
    give_up = time.monotonic() + FLIPS_WITHIN
    while await status(running, name) != wanted:
        assert time.monotonic() < give_up, f"{name!r} did not become {wanted} within {FLIPS_WITHIN} s"
        await asyncio.sleep(0.05)


async def test_a_service_that_stands_is_serving_under_all_its_names(shared: Running) -> None:
    for name in ("", shared.service.full_name, "liveness"):
        assert await status(shared, name) == SERVING


async def test_an_unknown_name_is_not_found(shared: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await status(shared, "nobody.v1.NobodyService")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


async def test_without_its_database_it_is_alive_but_not_serving_and_recovers_by_itself(
    shared: Running, postgres: Server
) -> None:
    name = urlsplit(shared.database).path.strip("/")
    await postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await until(shared, "", NOT_SERVING)
    await until(shared, shared.service.full_name, NOT_SERVING)
    assert await status(shared, "liveness") == SERVING
    await postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await until(shared, "", SERVING)
    await until(shared, shared.service.full_name, SERVING)


async def test_reflection_lists_every_service_and_describes_this_one(shared: Running, subject: Subject) -> None:
    async def questions():
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=subject.service.full_name)

    stub = reflection_pb2_grpc.ServerReflectionStub(shared.channel)
    listed, described = [answer async for answer in stub.ServerReflectionInfo(questions())]
    names = {service.name for service in listed.list_services_response.service}
    # Any service describes all, since the edge asks whichever is there.
    assert names >= {"grpc.health.v1.Health", *(service.full_name for service in contract.services())}
    assert described.file_descriptor_response.file_descriptor_proto


async def test_an_rpc_that_does_not_exist_is_unimplemented(shared: Running) -> None:
    rpc = shared.channel.unary_unary(f"/{shared.service.full_name}/DoWhatNobodyDeclared")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rpc(b"")
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
