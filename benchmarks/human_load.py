"""`python -m benchmarks.human_load ask|wait|decide|answer TARGET PREFIX NUMBER …`: people as load, told as JSON.

The requests are PREFIX-0, PREFIX-1 and so on. `ask` asks them. `wait` waits for each of them, all at once. `decide`
answers them at a steady rate (RATE a second), one after the other. `answer` answers them as fast as so many (IN_FLIGHT)
can. Moments are of the monotonic clock, which all processes of a machine share.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener,-event_engine_client")

import grpc
import uvloop
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc

pb = hitl_service_pb2
# Waits are spread over these, as over the processes of agents.
CONNECTIONS = 8
ASKED_AT_ONCE = 64
# The longest that may be asked for.
WAIT_SECONDS = 300


class People:
    """Stubs on connections of their own, and the requests that this is about."""

    def __init__(self, stubs: list[hitl_service_pb2_grpc.HitlServiceStub], prefix: str, number: int) -> None:
        self._stubs = stubs
        self._ids = [f"{prefix}-{n}" for n in range(number)]

    async def ask(self) -> dict[str, Any]:
        """How many were asked."""

        async def one(n: int) -> None:
            question = pb.CreateHumanRequestRequest(
                id=self._ids[n], request_type="approval", prompt="Deploy release 7?", options=["approve", "reject"]
            )
            question.context.update({"service": "checkout", "release": 7})
            await self._stub(n).CreateHumanRequest(question)

        await self._each(one, ASKED_AT_ONCE)
        return {"asked": len(self._ids)}

    async def wait(self) -> dict[str, Any]:
        """When each was told that its request has ended; how the calls ended."""
        told: dict[str, float] = {}

        async def one(n: int) -> str:
            wanted = pb.WaitForResponseRequest(id=self._ids[n], timeout_seconds=WAIT_SECONDS)
            try:
                answer = await self._stub(n).WaitForResponse(wanted)
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            told[self._ids[n]] = time.monotonic()
            return "told" if answer.done else "time is over"

        ended = Counter(await asyncio.gather(*map(one, range(len(self._ids)))))
        return {"told": told, "ended": ended}

    async def decide(self, rate: float) -> dict[str, Any]:
        """When each answer was sent, and when it was acknowledged."""
        decided: dict[str, tuple[float, float]] = {}
        begun = time.monotonic()

        async def one(n: int) -> None:
            await asyncio.sleep(max(0, begun + n / rate - time.monotonic()))
            sent = time.monotonic()
            await self._answer(n)
            decided[self._ids[n]] = sent, time.monotonic()

        await asyncio.gather(*map(one, range(len(self._ids))))
        return {"decided": decided}

    async def answer(self, in_flight: float) -> dict[str, Any]:
        """How long each answer took until it was acknowledged, sorted, in seconds, and all of them together."""
        took: list[float] = []

        async def one(n: int) -> None:
            sent = time.monotonic()
            await self._answer(n)
            took.append(time.monotonic() - sent)

        begun = time.monotonic()
        await self._each(one, int(in_flight))
        return {"seconds": time.monotonic() - begun, "took": sorted(took)}

    async def _answer(self, n: int) -> None:
        answer = pb.CreateHumanResponseRequest(
            human_request_id=self._ids[n], responded_by="ann", idempotency_key="once"
        )
        answer.response.string_value = "approve"
        await self._stub(n).CreateHumanResponse(answer)

    async def _each(self, one: Callable[[int], Awaitable[None]], at_once: int) -> None:
        numbers = count()

        async def on() -> None:
            while (n := next(numbers)) < len(self._ids):
                await one(n)

        await asyncio.gather(*(on() for _ in range(at_once)))

    def _stub(self, n: int) -> Any:
        return self._stubs[n % len(self._stubs)]


@asynccontextmanager
async def people(target: str, prefix: str, number: int) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(CONNECTIONS)]
        for channel in channels:
            await stack.enter_async_context(channel)
            await channel.channel_ready()
        yield People([hitl_service_pb2_grpc.HitlServiceStub(channel) for channel in channels], prefix, number)


async def main(what: str, target: str, prefix: str, number: int, *more: float) -> dict[str, Any]:
    async with people(target, prefix, number) as those:
        used, begun = time.process_time(), time.monotonic()
        act: Callable[..., Awaitable[dict[str, Any]]] = getattr(those, what)
        found = await act(*more)
        return found | {"cores": (time.process_time() - used) / (time.monotonic() - begun)}


if __name__ == "__main__":
    what, target, prefix, number, *more = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found = uvloop.run(main(what, target, prefix, int(number), *map(float, more)))
    # Unbuffered, as PYTHONUNBUFFERED would have it, all that the pipe does not take at once would be lost.
    with open(1, "w", closefd=False) as output:
        json.dump(found, output)
