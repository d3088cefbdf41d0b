"""More calls at once than the service takes: some are refused at once, the others are served."""

import asyncio
from collections import Counter
from pathlib import Path

import asyncpg
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from tests.faults.ledger import OPEN
from tests.faults.processes import running

LIMIT = 32


async def overload(folder: Path, calls: int) -> tuple[Counter[str], int, int]:
    """All calls at once; gives how they ended, how many are on record, and how many of those without an ending."""
    async with running(folder, max_concurrent_calls=LIMIT) as (engine, replica):
        async with grpc.aio.insecure_channel(replica.target) as channel:
            stub = tools_service_pb2_grpc.ToolsServiceStub(channel)

            async def call(number: int) -> str:
                request = tools_service_pb2.InvokeToolRequest(name="echo", idempotency_key=f"call-{number}")
                request.input.update({"message": "one of many"})
                try:
                    return str((await stub.InvokeTool(request, timeout=20)).status)
                except grpc.aio.AioRpcError as error:
                    return _reason(error)

            ended = Counter(await asyncio.gather(*map(call, range(calls))))
            # Afterwards there is room again, for those that were refused as well.
            ended["afterwards"] = sum([await call(number) == "success" for number in range(LIMIT)])
        connection = await asyncpg.connect(engine.url)
        try:
            recorded = int(await connection.fetchval("SELECT count(*) FROM invocations"))
            return ended, recorded, int(await connection.fetchval(OPEN))
        finally:
            await connection.close()


def _reason(error: grpc.aio.AioRpcError) -> str:
    """`OVERLOADED, retry told`"""
    status = rpc_status.from_call(error)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    told = False
    for detail in status.details if status is not None else ():
        detail.Unpack(info)
        told = detail.Unpack(retry) or told
    return f"{error.code().name} {info.reason}" + (", retry told" if told else "")
