"""What a client sees of any service: errors with their details, metrics pages, JSON values, and rows behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from prometheus_client.parser import text_string_to_metric_families


@dataclass
class Refusal:
    """An error as a client sees it."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str]
    fields: list[str]
    retry_after: float | None
    trailers: dict[str, Any]
    domain: str


async def refusal(call: Awaitable[Any]) -> Refusal:
    """The error that a call ends with; it fails where the call does not."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError(f"it was answered: {answer}")


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    status = rpc_status.from_call(error)
    assert isinstance(status, status_pb2.Status), error
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in (info, bad, retry):
            detail.Unpack(message)
    return Refusal(
        error.code(),
        info.reason,
        status.message,
        dict(info.metadata),
        [violation.field for violation in bad.field_violations],
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        dict(error.trailing_metadata() or ()),
        info.domain,
    )


def python(value: Any) -> Any:
    """A Struct or a Value as Python has it; JSON numbers are doubles."""
    return json_format.MessageToDict(value, preserving_proto_field_name=True)


def series(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{key}="{labels[key]}"' for key in sorted(labels)) + "}"


async def scraped(port: int) -> dict[str, float]:
    """The samples of a metrics page, by name and sorted labels."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as page:
        text = await page.text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {series(sample.name, sample.labels): sample.value for sample in samples}


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """What the condition returns as soon as that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
        return found


async def query(url: str, statement: str, *values: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()
