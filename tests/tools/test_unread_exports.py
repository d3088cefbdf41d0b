"""Readers who do not read: they have connections of their own, not too many, and not for ever."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from tests.tools.service import Replica, Start, pb, until

LONG_READS = 2
READERS = 10
EXPORTS = {
    "ExportInvocations": pb.ExportInvocationsRequest(),
    "ExportReceipts": pb.ExportReceiptsRequest(),
}


@pytest.fixture
async def filled(start: Start) -> Replica:
    """More on record than the buffers on the way to a reader take."""
    replica = await start(max_unread_seconds=1, database_long_reads=LONG_READS, database_pool_size=2)
    for _ in range(8):
        await replica.invoke("echo", {"message": "x" * 1_000_000})
    return replica


async def read_out(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("name", EXPORTS)
async def test_exports_that_nobody_reads_take_nothing_from_others_and_are_ended(filled: Replica, name: str) -> None:
    export = getattr(filled.stub, name)
    calls = [export(EXPORTS[name]) for _ in range(READERS)]
    begun = await asyncio.gather(*(call.read() for call in calls), return_exceptions=True)
    refused = [answer for answer in begun if isinstance(answer, grpc.aio.AioRpcError)]
    assert len(refused) == READERS - LONG_READS
    for error in refused:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry = ErrorInfo(), RetryInfo()
        status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        status.details[0].Unpack(info)
        status.details[1].Unpack(retry)
        assert (info.reason, retry.retry_delay.seconds > 0) == ("OVERLOADED", True)
    # Nobody else notices.
    invoked = await filled.invoke("echo", {"message": "others"})
    assert (await filled.get(invoked.id)).status == "success"

    async def exported() -> bool:
        call = export(EXPORTS[name])
        [first] = await asyncio.gather(call.read(), return_exceptions=True)
        if isinstance(first, grpc.aio.AioRpcError):
            return False
        data = first.data
        while (chunk := await call.read()) is not grpc.aio.EOF:
            data = chunk.data
        return bool(data.endswith(b'{"done":true,"count":9}\n'))

    await until(exported, 60)
    for call, answer in zip(calls, begun, strict=True):
        if answer not in refused:
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await read_out(call)
            assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
