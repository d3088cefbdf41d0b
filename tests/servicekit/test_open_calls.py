"""Calls that are open are held to what their credential grants now: asked about once for all of a credential, and ended."""

import asyncio
from contextlib import suppress

import pytest
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.tools.v1 import tools_service_pb2

from servicekit.errors import ServiceError
from servicekit.identity import credentials, open_calls
from servicekit.identity.resolver import ResolvedKey
from servicekit.methods import Method, methods_of
from servicekit.request_context import RequestContext
from tests.servicekit.test_authentication import Environment

GUARD_SECONDS = 30


def method(name: str) -> Method:
    services = (tools_service_pb2.DESCRIPTOR, hitl_service_pb2.DESCRIPTOR)
    return next(
        found
        for file in services
        for service in file.services_by_name.values()
        for found in methods_of(service)
        if found.name == name
    )


class Calls:
    """Calls that do nothing until they are ended."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.done = asyncio.Event()

    async def open(self, key: str, name: str = "WatchInvocation") -> "asyncio.Task[str]":
        call = RequestContext({"x-api-key": key}, method(name))
        call.principal = await self.environment.authentication.authenticate(call)
        begun = asyncio.Event()
        task = asyncio.create_task(self._serve(call, begun))
        await begun.wait()
        return task

    async def _serve(self, call: RequestContext, begun: asyncio.Event) -> str:
        try:
            with self.environment.authentication.opened(call):
                begun.set()
                await self.done.wait()
        except ServiceError as error:
            return error.reason
        return "answered"

    async def look(self) -> None:
        """Lets it look once, and waits until whoever was asked has answered."""
        authentication = self.environment.authentication
        authentication.open_calls.look()
        async with asyncio.timeout(GUARD_SECONDS):
            while authentication.open_calls.is_asking:
                await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def environment() -> Environment:
    # Nothing is remembered, so that every look has to ask.
    return Environment(remember=0)


async def test_all_calls_of_a_credential_cost_one_question_a_look(environment: Environment) -> None:
    calls = Calls(environment)
    keys = [environment.key() for _ in range(3)]
    opened = [await calls.open(key) for key in keys for _ in range(100)]
    environment.resolver.asked.clear()
    for looks in (1, 2, 3):
        await calls.look()
        assert len(environment.resolver.asked) == looks * len(keys)
    assert not any(call.done() for call in opened)
    calls.done.set()
    assert set(await asyncio.gather(*opened)) == {"answered"}
    environment.resolver.asked.clear()
    await calls.look()
    assert environment.resolver.asked == [], "what has ended is not asked about"


async def test_what_is_remembered_is_looked_at_for_nothing() -> None:
    environment = Environment()
    calls = Calls(environment)
    opened = await calls.open(environment.key())
    environment.resolver.asked.clear()
    await calls.look()
    assert environment.resolver.asked == []
    assert not opened.done()
    opened.cancel()


async def test_a_call_ends_when_its_key_does_and_a_question_that_hangs_keeps_no_other_open(
    environment: Environment,
) -> None:
    calls = Calls(environment)
    text, other = environment.key(), environment.key()
    ended, standing = await calls.open(text), await calls.open(other)
    key = credentials.parse(text)
    assert key is not None
    environment.resolver.answers.clear()
    environment.authentication.open_calls.look()
    del environment.resolver.valid[key.id]
    environment.resolver.answers.set()
    await calls.look()
    assert await asyncio.wait_for(ended, GUARD_SECONDS) == "UNAUTHENTICATED"
    assert not standing.done()
    standing.cancel()


async def test_while_access_is_away_calls_stay_open_for_the_stated_time_and_no_longer() -> None:
    for stale, outcome in ((300.0, "answered"), (0.0, "UNAVAILABLE")):
        environment = Environment(remember=0, stale=stale)
        calls = Calls(environment)
        opened = await calls.open(environment.key())
        environment.resolver.away = True
        await calls.look()
        calls.done.set()
        assert await asyncio.wait_for(opened, GUARD_SECONDS) == outcome


async def test_where_a_caller_may_see_less_what_shows_something_ends_to_be_called_again(
    environment: Environment,
) -> None:
    calls = Calls(environment)
    granted = frozenset({"tools.read", "tools.invoke", "hitl.read", "hitl.audit"})
    for less in (granted - {"hitl.audit"}, granted):
        text, key = credentials.generate()
        roles = frozenset({"agent", "finance"})
        environment.resolver.valid[key.id] = ResolvedKey("somebody", granted, 0, None, roles)
        names = ("WatchHumanRequests", "WaitForResponse", "InvokeTool")
        opened = [await calls.open(text, name) for name in names]
        environment.resolver.valid[key.id] = ResolvedKey("somebody", less, 0, None, frozenset({"agent"}))
        await calls.look()
        assert [await asyncio.wait_for(call, GUARD_SECONDS) for call in opened[:2]] == ["UNAVAILABLE"] * 2
        assert not opened[2].done(), "what runs has nothing to show"
        opened[2].cancel()


async def test_where_a_caller_may_more_than_before_nothing_ends(environment: Environment) -> None:
    calls = Calls(environment)
    text, key = credentials.generate()
    environment.resolver.valid[key.id] = ResolvedKey("somebody", frozenset({"hitl.read"}), 0, None)
    opened = await calls.open(text, "WatchHumanRequests")
    more = frozenset({"hitl.read", "hitl.audit"})
    environment.resolver.valid[key.id] = ResolvedKey("somebody", more, 0, None, frozenset({"auditor"}))
    await calls.look()
    assert not opened.done()
    opened.cancel()


async def test_an_answer_that_is_ready_when_the_credential_ends_is_not_handed_out(environment: Environment) -> None:
    calls = Calls(environment)
    text = environment.key()
    key = credentials.parse(text)
    assert key is not None
    call = RequestContext({"x-api-key": text}, method("WatchInvocation"))
    call.principal = await environment.authentication.authenticate(call)
    environment.resolver.valid.clear()

    async def answers_whatever_happens() -> None:
        # Code that has its answer already may swallow a cancellation.
        with environment.authentication.opened(call), suppress(asyncio.CancelledError):
            await calls.look()
            await asyncio.sleep(GUARD_SECONDS)

    with pytest.raises(ServiceError) as ended:
        await answers_whatever_happens()
    assert ended.value.reason == "UNAUTHENTICATED"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_call_that_its_caller_left_too_is_cancelled_as_ever(environment: Environment) -> None:
    calls = Calls(environment)
    opened = await calls.open(environment.key())
    environment.resolver.valid.clear()
    environment.authentication.open_calls.look()
    while environment.authentication.open_calls.is_asking:
        await asyncio.sleep(0)
    opened.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opened


async def test_an_error_that_nobody_expected_does_not_end_the_looking(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_calls, "LOOK_SECONDS", 0.01)
    calls = Calls(environment)
    opened = await calls.open(environment.key())
    resolve = environment.resolver.resolve_key
    failures = iter([RuntimeError("odd")])

    async def sometimes(key: credentials.ApiKey) -> ResolvedKey | None:
        for error in failures:
            raise error
        return await resolve(key)

    monkeypatch.setattr(environment.resolver, "resolve_key", sometimes)
    environment.resolver.valid.clear()
    following = asyncio.create_task(environment.authentication.open_calls.follow())
    assert await asyncio.wait_for(opened, GUARD_SECONDS) == "UNAUTHENTICATED"
    following.cancel()
