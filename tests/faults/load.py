"""Callers that keep a number of calls in flight whatever happens to the service, and note what they were told."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import grpc
from qmcp.tools.v1 import invocation_pb2, tools_service_pb2, tools_service_pb2_grpc

from tests.faults.ledger import Ledger

OPTIONS = [
    # A service that is back is found at once; the default waits for seconds after some failures.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    # Retries are ours to make and to note.
    ("grpc.enable_retries", 0),
]
# What a caller may see of a crash, and repeats.
TRANSIENT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
DEADLINE_SECONDS = 20.0


class EchoCallers:
    """Each of them calls `echo` with an idempotency_key of its own as the message, over and over."""

    def __init__(self, target: str, in_flight: int) -> None:
        self._target = target
        self._in_flight = in_flight
        self._prefix = os.urandom(4).hex()
        self._numbers = count(1)
        self._stopping = False
        self.ledger = Ledger()

    @asynccontextmanager
    async def calling(self) -> "AsyncIterator[tools_service_pb2_grpc.ToolsServiceAsyncStub]":
        """Calls while the block lasts; gives a stub for questions besides."""
        async with grpc.aio.insecure_channel(self._target, options=OPTIONS) as channel:
            stub: tools_service_pb2_grpc.ToolsServiceAsyncStub = tools_service_pb2_grpc.ToolsServiceStub(channel)
            tasks = [asyncio.create_task(self._call_on(stub)) for _ in range(self._in_flight)]
            try:
                yield stub
            except BaseException:
                # They would call on for ever where what they call does not come back.
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                raise
            self._stopping = True
            await asyncio.gather(*tasks)

    @property
    def acknowledged(self) -> int:
        return len(self.ledger.acknowledged)

    async def until_acknowledged(self, number: int) -> None:
        """Waits until that many calls have been answered."""
        while len(self.ledger.acknowledged) < number:
            await asyncio.sleep(0.05)

    async def _call_on(self, stub: "tools_service_pb2_grpc.ToolsServiceAsyncStub") -> None:
        while not self._stopping:
            idempotency_key = f"{self._prefix}-{next(self._numbers)}"
            request = tools_service_pb2.InvokeToolRequest(name="echo", idempotency_key=idempotency_key)
            request.input.update({"message": idempotency_key})
            while True:
                try:
                    answer = await stub.InvokeTool(request, timeout=DEADLINE_SECONDS, wait_for_ready=True)
                except grpc.aio.AioRpcError as error:
                    self.ledger.unanswered.add(idempotency_key)
                    if error.code() not in TRANSIENT:
                        self.ledger.violations.append(f"{idempotency_key}: {error.code().name} {error.details()}")
                        break
                    await asyncio.sleep(0.02)
                else:
                    self._note(idempotency_key, answer)
                    break

    def _note(self, idempotency_key: str, answer: invocation_pb2.Invocation) -> None:
        succeeded = answer.status == "success"
        if succeeded and answer.result.string_value != idempotency_key:
            self.ledger.violations.append(f"{idempotency_key} was answered {answer.result.string_value!r}")
        elif not succeeded and answer.error_reason not in {"INTERRUPTED", "CALLER_GONE"}:
            self.ledger.violations.append(f"{idempotency_key} ended as {answer.status}: {answer.error}")
        self.ledger.acknowledged[idempotency_key] = (answer.id, succeeded)
