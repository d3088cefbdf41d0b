"""Callers that ask, wait and answer whatever happens to the service, and note what they were told."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias, TypeVar

import grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2

from tests.faults.answers import Round, Told, Vote
from tests.faults.load import DEADLINE_SECONDS, OPTIONS, TRANSIENT
from tests.wire import read_refusal

pb = hitl_service_pb2
Answer = TypeVar("Answer")
Stub: TypeAlias = "hitl_service_pb2_grpc.HitlServiceAsyncStub"

WAITERS = 2
# Of one wait. Some are told that the time is over and wait again; others would wait so long that a lost wake-up shows.
WAIT_SECONDS = (1, 300)
# Of the rounds that need two equal answers, and of the calls that are made once more although they were answered.
QUORUM, REPEATED = 0.25, 0.1


class Rounds:
    """In each somebody asks, some wait, and some answer at once, each call to any of the replicas."""

    def __init__(
        self,
        targets: Sequence[str],
        *,
        at_once: int,
        responders: int,
        chance: random.Random,
        pause: float = 0.02,
        patience: float = 60,
    ) -> None:
        """Prepares rounds.

        Args:
            targets: the replicas.
            at_once: rounds at a time.
            responders: who race, in each round.
            chance: says who calls whom and when.
            pause: the longest time before a waiter or a responder begins, seconds.
            patience: how long anybody may have to repeat a call, seconds. Longer means that something does not come back.
        """
        self._targets = targets
        self._at_once = at_once
        self._responders = responders
        self._chance = chance
        self._pause = pause
        self._patience = patience
        self._prefix = os.urandom(4).hex()
        self._stubs: list[Stub] = []
        self._playing: list[asyncio.Task[None]] = []
        self._stopping = False
        self._begun = 0
        self.told = Told()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Has connections while the block lasts."""
        async with AsyncExitStack() as stack:
            for target in self._targets:
                channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=OPTIONS))
                self._stubs.append(hitl_service_pb2_grpc.HitlServiceStub(channel))
            yield

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        """Plays round after round and watches while the block lasts; ends the rounds that have begun."""
        # Where the block fails, the tasks end with it: they would call on for ever if nothing came back.
        async with self.connected(), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            self._playing = [tasks.create_task(self._play_on(None)) for _ in range(self._at_once)]
            yield
            await self.finish()
            watching.cancel()

    async def finish(self) -> None:
        """Begins no more rounds, and waits until those that have begun are over."""
        self._stopping = True
        await asyncio.gather(*self._playing)

    async def play(self, number: int) -> None:
        """Plays that many rounds; nobody watches."""
        async with self.connected(), asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._play_on(number))

    async def until_acknowledged(self, number: int) -> None:
        """Waits until that many rounds have ended."""
        while len(self.told.rounds) < number:
            await asyncio.sleep(0.05)

    @property
    def acknowledged(self) -> int:
        return len(self.told.rounds)

    async def until_watched(self, sequence: int, seconds: float) -> None:
        """Waits until the watcher has seen this event, or the time is up."""
        until = asyncio.get_running_loop().time() + seconds
        while self.told.watched.sequence < sequence and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)

    async def _play_on(self, number: int | None) -> None:
        while not self._stopping and (number is None or self._begun < number):
            self._begun += 1
            human_request_id = f"{self._prefix}-{self._begun}"
            quorum = self._responders > 2 and self._chance.random() < QUORUM
            played = Round(quorum=quorum)
            if await self._noted(human_request_id, self._ask(human_request_id, played)):
                waiters = (self._wait(human_request_id, played) for _ in range(WAITERS))
                responders = (self._answer(human_request_id, played, who) for who in range(self._responders))
                await asyncio.gather(*(self._noted(human_request_id, each) for each in (*waiters, *responders)))
            self.told.rounds[human_request_id] = played

    async def _noted(self, human_request_id: str, part: Coroutine[None, None, None]) -> bool:
        """Plays a part; anything but what it expects and what passes by itself must not be seen by a caller."""
        name = getattr(part, "__name__", "")
        try:
            async with asyncio.timeout(self._patience):
                await part
        except grpc.aio.AioRpcError as error:
            self.told.violations.append(f"{human_request_id}: {name} {error.code().name} {error.details()}")
        except TimeoutError:
            self.told.violations.append(f"{human_request_id}: {name} was told nothing for {self._patience} s")
        else:
            return True
        return False

    async def _ask(self, human_request_id: str, played: Round) -> None:
        question = pb.CreateHumanRequestRequest(
            id=human_request_id,
            request_type="approval",
            prompt="Deploy?",
            context={"of": human_request_id},
            timeout_seconds=3600,
        )
        if played.quorum:
            question.quorum.required = 2
        else:
            question.options.extend(f"r{who}" for who in range(self._responders))
        if self._chance.random() < 0.5:
            # The other way to ask safely, with a record of its own.
            question.idempotency_key = human_request_id

        asked = await self._once_or_again(
            human_request_id,
            lambda stub: stub.CreateHumanRequest(question, timeout=DEADLINE_SECONDS, wait_for_ready=True),
        )
        played.created_at = asked.created_at.ToMicroseconds()

    async def _answer(self, human_request_id: str, played: Round, who: int) -> None:
        await asyncio.sleep(self._chance.uniform(0, self._pause))
        answer = pb.CreateHumanResponseRequest(human_request_id=human_request_id, responded_by=f"r{who}")
        answer.response.string_value = "approve" if played.quorum else f"r{who}"
        answer.idempotency_key = f"{human_request_id}-{who}"
        try:
            vote = await self._once_or_again(
                human_request_id,
                lambda stub: stub.CreateHumanResponse(answer, timeout=DEADLINE_SECONDS, wait_for_ready=True),
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            if read_refusal(error).reason != "ALREADY_RESPONDED":
                raise
            played.late.add(f"r{who}")
        else:
            played.votes[f"r{who}"] = Vote(vote.id, vote.decides)
            if vote.decides:
                played.decided_at = time.monotonic()

    async def _wait(self, human_request_id: str, played: Round) -> None:
        await asyncio.sleep(self._chance.uniform(0, self._pause))
        seconds = self._chance.choice(WAIT_SECONDS)
        wanted = pb.WaitForResponseRequest(id=human_request_id, timeout_seconds=seconds)
        while True:
            waited = await self._until_told(
                human_request_id, lambda stub: stub.WaitForResponse(wanted, timeout=2 * seconds, wait_for_ready=True)
            )
            if waited.done:
                played.outcomes.append(_outcome(waited.requests[0]))
                if played.decided_at:
                    self.told.slowest_wakeup = max(self.told.slowest_wakeup, time.monotonic() - played.decided_at)
                return

    async def _once_or_again(self, human_request_id: str, call: "Callable[[Stub], Awaitable[Answer]]") -> Answer:
        """Until it is answered; now and then once more, which must be answered the same."""
        answer = await self._until_told(human_request_id, call)
        if self._chance.random() < REPEATED:
            repeated = await self._until_told(human_request_id, call)
            if _identity(repeated) != _identity(answer):
                self.told.violations.append(f"{human_request_id}: once {answer}, then {repeated}")
        return answer

    async def _until_told(self, human_request_id: str, call: "Callable[[Stub], Awaitable[Answer]]") -> Answer:
        while True:
            try:
                return await call(self._chance.choice(self._stubs))
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRANSIENT:
                    raise
                self.told.unanswered.add(human_request_id)
                await asyncio.sleep(0.02)

    async def _watch(self) -> None:
        """Follows the events from the first, and goes on after the last one whenever the stream breaks off."""
        watched = self.told.watched
        while True:
            wanted = pb.WatchHumanRequestsRequest(after_sequence=watched.sequence)
            try:
                async for event in self._chance.choice(self._stubs).WatchHumanRequests(wanted, wait_for_ready=True):
                    watched.take(event.sequence, event.human_request_id, event.kind)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRANSIENT:
                    self.told.violations.append(f"watcher: {error.code().name} {error.details()}")
                watched.resumed += 1
            await asyncio.sleep(0.02)


def _identity(answer: object) -> object:
    """What must be the same in each answer to the same call: the votes of a request come in the meantime."""
    if isinstance(answer, request_pb2.HumanRequest):
        return answer.id, answer.created_at.ToMicroseconds(), answer.correlation_id
    return answer


def _outcome(request: request_pb2.HumanRequest) -> tuple[str, str, str]:
    """How it ended, by whose answer, and which."""
    response = request.response
    return request.status, response.responded_by, response.id
