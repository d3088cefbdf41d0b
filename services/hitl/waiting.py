"""Waits for answers: whoever comes before the answer or after it gets it, from whichever replica."""

import asyncio
from collections.abc import Sequence

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
        give_up = asyncio.get_running_loop().time() + (seconds or DEFAULT_SECONDS)
        with self._feed.awaiting(request_ids) as futures:
            standing = await self._requests.get_many(request_ids)
            missing = next((each for each in request_ids if each not in standing), None)
            if missing is not None:
                raise errors.human_request_not_found(missing)
            while not _enough(request_ids, standing, until_all=until_all):
                left = give_up - asyncio.get_running_loop().time()
                open_ = [future for future in futures if not future.done()]
                if left <= 0 or self._feed.closing or not open_:
                    break
                await asyncio.wait(open_, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for future in futures:
                    if future.done() and not future.cancelled():
                        standing[future.result().id] = future.result()
        return _enough(request_ids, standing, until_all=until_all), [standing[each] for each in request_ids]


def _enough(request_ids: Sequence[str], standing: dict[str, HumanRequest], *, until_all: bool) -> bool:
    ended = [standing[each].ended for each in request_ids]
    return all(ended) if until_all else any(ended)
