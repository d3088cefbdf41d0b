"""Waits for answers: whoever comes before the answer or after it gets it, from whichever replica."""

import asyncio
from collections.abc import Mapping, Sequence

from servicekit.identity.visibility import Viewer
from services.hitl.lifecycle import rules
from services.hitl.lifecycle.requests import Requests
from services.hitl.models import HumanRequest
from services.hitl.waiting.event_follower import EventFollower, Waiter

DEFAULT_SECONDS = 30
# Calls whose requests are read together; more would keep the others of the process waiting.
READ_TOGETHER = 100

Standing = Mapping[str, HumanRequest]


class Waiting:
    """Answers WaitForResponse."""

    def __init__(self, requests: Requests, follower: EventFollower) -> None:
        self._requests = requests
        self._follower = follower
        self._asked: list[tuple[Sequence[str], asyncio.Future[Standing]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def wait(
        self, human_request_ids: Sequence[str], viewer: Viewer, *, until_all: bool, seconds: float
    ) -> tuple[bool, list[HumanRequest]]:
        """Waits until one of the requests has ended, or all have, or the time is over.

        Returns:
            Whether what was waited for has come; and the requests as they stand, in the order of their ids.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND, also where one is not shown to the viewer, or no longer is.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (seconds or DEFAULT_SECONDS)
        waiter = Waiter(human_request_ids)
        self._follower.enter(waiter)
        try:
            waiter.ended.update(await self._ended(human_request_ids, viewer))
            enough = len(human_request_ids) if until_all else 1
            while len(waiter.ended) < enough:
                left = give_up - loop.time()
                if left <= 0 or self._follower.closing:
                    break
                await waiter.wait(left)
        finally:
            self._follower.leave(waiter)
        standing = await self._as_they_stand(human_request_ids, waiter.ended)
        for request in standing:
            rules.require_seen(request, request.id, viewer)
        return sum(request.ended for request in standing) >= enough, standing

    async def _ended(self, human_request_ids: Sequence[str], viewer: Viewer) -> Standing:
        """Those that have ended already; of the others nothing is kept while they are waited for."""
        found = await self._read(human_request_ids)
        for each in human_request_ids:
            rules.require_seen(found.get(each), each, viewer)
        return {each: found[each] for each in human_request_ids if found[each].ended}

    async def _as_they_stand(self, human_request_ids: Sequence[str], ended: Standing) -> list[HumanRequest]:
        """All of them; what has ended changes no more, the others are read once more."""
        pending = [each for each in human_request_ids if each not in ended]
        found = await self._read(pending) if pending else {}
        return [ended[each] if each in ended else found[each] for each in human_request_ids]

    async def _read(self, human_request_ids: Sequence[str]) -> Standing:
        """How these stand, and perhaps others: waiters come and go by the thousand, and one statement serves many."""
        read: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()
        self._asked.append((human_request_ids, read))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_on(), name="waits read")
        return await read

    async def _read_on(self) -> None:
        while self._asked:
            together, self._asked = self._asked[:READ_TOGETHER], self._asked[READ_TOGETHER:]
            try:
                found = await self._requests.get_many(list({each for ids, _ in together for each in ids}))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who asked are told
                for _, read in together:
                    if not read.done():
                        read.set_exception(error)
            else:
                for _, read in together:
                    # A caller that went away has cancelled it.
                    if not read.done():
                        read.set_result(found)
