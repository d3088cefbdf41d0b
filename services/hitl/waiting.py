"""Waits for answers: whoever comes before the answer or after it gets it, from whichever replica."""

import asyncio
from collections.abc import Mapping, Sequence

from services.hitl import errors
from services.hitl.asking import Requests
from services.hitl.feed import Feed
from services.hitl.models import HumanRequest

DEFAULT_SECONDS = 30


class Waiting:
    """Answers WaitForResponse."""

    def __init__(self, requests: Requests, feed: Feed) -> None:
        self._requests = requests
        self._feed = feed

    async def wait(
        self, request_ids: Sequence[str], *, until_all: bool, seconds: float
    ) -> tuple[bool, list[HumanRequest]]:
        """Waits until one of the requests has ended, or all have, or the time is over.

        Returns:
            Whether what was waited for has come; and the requests as they stand, in the order of their ids.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (seconds or DEFAULT_SECONDS)
        with self._feed.awaiting(request_ids) as waiter:
            waiter.ended.update(await self._ended(request_ids))
            while not (enough := _enough(request_ids, waiter.ended, until_all=until_all)):
                left = give_up - loop.time()
                if left <= 0 or self._feed.closing:
                    break
                await waiter.wait(left)
        return enough, await self._as_they_stand(request_ids, waiter.ended)

    async def _ended(self, request_ids: Sequence[str]) -> dict[str, HumanRequest]:
        """Those that have ended already; of the others nothing is kept while they are waited for."""
        found = await self._requests.get_many(request_ids)
        missing = next((each for each in request_ids if each not in found), None)
        if missing is not None:
            raise errors.human_request_not_found(missing)
        return {request.id: request for request in found.values() if request.ended}

    async def _as_they_stand(self, request_ids: Sequence[str], ended: Mapping[str, HumanRequest]) -> list[HumanRequest]:
        """All of them; what has ended changes no more, the others are read once more."""
        pending = [each for each in request_ids if each not in ended]
        found = {**ended, **(await self._requests.get_many(pending) if pending else {})}
        return [found[each] for each in request_ids]


def _enough(request_ids: Sequence[str], ended: Mapping[str, HumanRequest], *, until_all: bool) -> bool:
    return len(ended) == len(request_ids) if until_all else bool(ended)
