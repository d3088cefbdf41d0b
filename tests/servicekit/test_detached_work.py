"""Work without a call goes on as long as access says that its caller may, and no longer."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager

import pytest

from servicekit.errors import unavailable
from servicekit.identity.detached_work import DetachedWork, Sponsor
from servicekit.identity.principal import Principal

MAY = "tools.invoke"
GUARD_SECONDS = 30


class Access:
    """What access knows of callers of before."""

    def __init__(self) -> None:
        self.granted: dict[str, frozenset[str]] = {}
        self.asked: list[Sequence[str]] = []
        self.away = False

    async def resolve_callers(self, references: Sequence[str]) -> Mapping[str, Principal]:
        self.asked.append(references)
        if self.away:
            raise unavailable("away")
        return {reference: Principal("", self.granted.get(reference, frozenset())) for reference in references}


def _may(caller: Principal) -> bool:
    return caller.may(MAY)


class Held:
    """Work that notes how often it was ended."""

    def __init__(self) -> None:
        self.access = Access()
        self.work = DetachedWork(self.access, stale_seconds=3600)
        self.open = ExitStack()
        self.ended: list[str] = []

    def begin(self, reference: str, *permissions: str, until: float | None = None, name: str = "") -> None:
        self.access.granted[reference] = frozenset(permissions)
        held = self.work.held(Sponsor(reference, until), _may, lambda: self.ended.append(name or reference))
        self.open.enter_context(held)


@pytest.fixture
def held() -> Held:
    return Held()


async def test_all_work_costs_one_question_a_look_and_none_where_there_is_none(held: Held) -> None:
    await held.work.look()
    assert held.access.asked == []
    held.begin("", name="of nobody who is checked")
    for reference in ("key:b", "key:a", "key:b"):
        held.begin(reference, MAY)
    await held.work.look()
    assert held.access.asked == [["key:a", "key:b"]]
    held.open.close()
    await held.work.look()
    assert len(held.access.asked) == 1
    assert held.ended == []


async def test_work_ends_once_when_its_caller_has_lost_the_permission_or_all(held: Held) -> None:
    held.begin("key:standing", "tools.*")
    held.begin("key:narrowed", "tools.read")
    held.begin("key:revoked")
    await held.work.look()
    await held.work.look()
    assert sorted(held.ended) == ["key:narrowed", "key:revoked"]


async def test_work_of_a_token_ends_with_it_and_needs_nobody_for_that(held: Held) -> None:
    held.access.away = True
    held.begin("roles:agent", MAY, until=time.time() - 1, name="over")
    held.begin("roles:agent", MAY, until=time.time() + 3600, name="not yet")
    await held.work.look()
    assert held.ended == ["over"]
    token = Principal("oidc:ann", frozenset(), frozenset({"agent"}), until=7.0)
    assert Sponsor.of(token) == Sponsor("roles:agent", 7.0)


@pytest.mark.parametrize(("stale_seconds", "ends"), [(3600, []), (0, ["key:a"])])
async def test_while_access_is_away_work_goes_on_as_long_as_calls_do(
    held: Held, stale_seconds: float, ends: list[str]
) -> None:
    held.work = DetachedWork(held.access, stale_seconds)
    held.begin("key:a", MAY)
    held.access.away = True
    await held.work.look()
    assert held.ended == ends


@asynccontextmanager
async def followed(work: DetachedWork) -> AsyncIterator[None]:
    task = asyncio.create_task(work.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_begun_after_the_news_of_a_change_is_looked_at_all_the_same(held: Held) -> None:
    async with followed(held.work), asyncio.timeout(GUARD_SECONDS):
        held.begin("key:a", MAY)
        while not held.access.asked:
            await asyncio.sleep(0.01)
        held.access.granted.clear()
        held.work.tell()
        while not held.ended:
            await asyncio.sleep(0.01)
        held.begin("key:b")
        while held.ended != ["key:a", "key:b"]:
            await asyncio.sleep(0.01)
    assert len(held.access.asked) >= 3
