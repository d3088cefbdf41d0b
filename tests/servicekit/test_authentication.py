"""What a service remembers of its callers: asked once, forgotten when it changed, and never more than it may hold."""

import ast
import asyncio
import gc
import inspect
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from qmcp.tools.v1 import tools_service_pb2

from servicekit.errors import ServiceError, permission_denied, unavailable
from servicekit.identity import authentication, credentials, reports
from servicekit.identity.authentication import MAX_REMEMBERED, Authentication
from servicekit.identity.credentials import ApiKey
from servicekit.identity.resolver import Denial, ResolvedKey, ResolvedRoles
from servicekit.identity.strangers import Strangers
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext
from services.access import keys


class KeyResolver:
    """What a service asks, in memory; answers wait until they are let go."""

    def __init__(self) -> None:
        self.valid: dict[str, ResolvedKey] = {}
        self.asked: list[str] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.reports: list[tuple[Sequence[Denial], Sequence[str]]] = []
        self.roles_asked = 0

    async def resolve_key(self, key: ApiKey) -> ResolvedKey | None:
        self.asked.append(key.id)
        # What the database says now; the answer may take its time to arrive.
        found = self.valid.get(key.id)
        await self.answers.wait()
        if self.away:
            raise unavailable("away")
        return found

    async def resolve_roles(self, roles: Sequence[str]) -> ResolvedRoles:
        self.roles_asked += 1
        await self.answers.wait()
        return ResolvedRoles(frozenset({"tools.read"}))

    async def changes(self) -> AsyncIterator[str]:
        yield ""
        while True:
            yield await self.told.get()

    async def report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        assert len(denials) <= 1_000
        assert len(used) <= 10_000
        self.reports.append((denials, used))


DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]
METHOD = next(method for method in methods_of(DESCRIPTOR) if method.name == "GetTool")


class Environment:
    def __init__(self, remember: float = 30, stale: float = 300) -> None:
        self.resolver = KeyResolver()
        self.registry = CollectorRegistry()
        self.authentication = Authentication(
            self.resolver,
            None,
            self.registry,
            strangers=Strangers(10_000, 0),
            remember_seconds=remember,
            stale_seconds=stale,
        )

    def key(self, rate: int = 0) -> str:
        text, key = credentials.generate()
        self.resolver.valid[key.id] = ResolvedKey("somebody", frozenset({"tools.read"}), rate, None)
        return text

    async def check(self, text: str) -> str:
        try:
            return (await self.authentication.authenticate(RequestContext({"x-api-key": text}, METHOD))).name
        except ServiceError as error:
            return error.reason

    def checks(self, answer: str) -> float:
        return self.registry.get_sample_value("qmcp_access_checks_total", {"answer": answer}) or 0


async def test_many_who_come_at_once_with_one_key_ask_once() -> None:
    environment = Environment()
    text, stranger = environment.key(), credentials.generate()[0]
    environment.resolver.answers.clear()
    calls = [asyncio.create_task(environment.check(key)) for _ in range(500) for key in (text, stranger)]
    await asyncio.sleep(0.05)
    environment.resolver.answers.set()
    assert set(await asyncio.gather(*calls)) == {"somebody", "UNAUTHENTICATED"}
    assert len(environment.resolver.asked) == 2
    assert {await environment.check(text), await environment.check(stranger)} == {"somebody", "UNAUTHENTICATED"}
    assert len(environment.resolver.asked) == 2
    assert (environment.checks("asked"), environment.checks("remembered")) == (2, 1)


async def test_a_caller_that_goes_away_does_not_take_the_answer_from_the_others() -> None:
    environment = Environment()
    text = environment.key()
    environment.resolver.answers.clear()
    first, second = (asyncio.create_task(environment.check(text)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    environment.resolver.answers.set()
    assert await second == "somebody"
    assert len(environment.resolver.asked) == 1


async def test_an_answer_from_before_a_revocation_is_not_remembered_nor_given_to_who_comes_after() -> None:
    environment = Environment()
    text = environment.key()
    key = credentials.parse(text)
    assert key is not None
    following = asyncio.create_task(environment.authentication.follow_changes())
    await asyncio.sleep(0.01)
    environment.resolver.answers.clear()
    before = asyncio.create_task(environment.check(text))
    await asyncio.sleep(0.01)
    del environment.resolver.valid[key.id]
    environment.resolver.told.put_nowait(key.id)
    await asyncio.sleep(0.01)
    after = asyncio.create_task(environment.check(text))
    await asyncio.sleep(0.01)
    environment.resolver.answers.set()
    # Whoever asked before the change may have either answer.
    await before
    assert await after == "UNAUTHENTICATED"
    assert await environment.check(text) == "UNAUTHENTICATED"
    following.cancel()


async def test_a_refusal_from_before_a_change_is_not_remembered() -> None:
    environment = Environment()
    text, key = credentials.generate()
    following = asyncio.create_task(environment.authentication.follow_changes())
    await asyncio.sleep(0.01)
    environment.resolver.answers.clear()
    before = asyncio.create_task(environment.check(text))
    await asyncio.sleep(0.01)
    environment.resolver.valid[key.id] = ResolvedKey("somebody", frozenset(), 0, None)
    environment.resolver.told.put_nowait(key.id)
    await asyncio.sleep(0.01)
    environment.resolver.answers.set()
    assert await before == "UNAUTHENTICATED"
    assert await environment.check(text) == "somebody"
    following.cancel()


async def test_a_connection_that_comes_and_goes_does_not_throw_away_whom_we_know() -> None:
    environment = Environment()
    text = environment.key()
    assert await environment.check(text) == "somebody"
    following = asyncio.create_task(environment.authentication.follow_changes())
    await asyncio.sleep(0.01)
    environment.resolver.away = True
    assert await environment.check(text) == "somebody"
    assert len(environment.resolver.asked) == 2, "doubted, so asked for"
    assert environment.checks("stale") == 1
    following.cancel()


async def test_while_access_is_away_it_is_not_asked_by_every_call() -> None:
    environment = Environment(remember=0)
    text = environment.key()
    assert await environment.check(text) == "somebody"
    environment.resolver.away = True
    assert {await environment.check(text) for _ in range(100)} == {"somebody"}
    assert len(environment.resolver.asked) == 2


async def test_after_the_stated_time_nobody_is_let_in_unchecked() -> None:
    environment = Environment(remember=0.05, stale=0.3)
    text = environment.key()
    assert await environment.check(text) == "somebody"
    environment.resolver.away = True
    await asyncio.sleep(0.1)
    assert await environment.check(text) == "somebody"
    await asyncio.sleep(0.25)
    assert await environment.check(text) == "UNAVAILABLE"


async def test_a_rate_holds_for_a_first_burst_and_over_a_new_answer() -> None:
    environment = Environment(remember=0.05)
    text = environment.key(rate=5)
    answers = await asyncio.gather(*(environment.check(text) for _ in range(50)))
    assert answers.count("somebody") == 5
    await asyncio.sleep(0.1)
    assert await environment.check(text) == "RATE_LIMITED"


async def test_tens_of_thousands_of_keys_that_nobody_has_take_bounded_memory() -> None:
    environment = Environment()
    good = environment.key()
    assert await environment.check(good) == "somebody"
    sizes = []
    for _ in range(4):
        for _ in range(12):
            texts = [f"qmcp_{os.urandom(8).hex()}_{os.urandom(32).hex()[:43]}" for _ in range(1_000)]
            assert set(await asyncio.gather(*map(environment.check, texts))) == {"UNAUTHENTICATED"}
            environment.resolver.asked.clear()
        gc.collect()
        sizes.append(resident())
    inside = environment.authentication
    assert len(inside._refused) == MAX_REMEMBERED
    assert len(inside._known) == 1
    assert not inside._asking
    assert not inside.reports._used - {key.id for key in [credentials.parse(good)] if key}
    # 36,000 keys would be more than 9.6 MB.
    assert sizes[-1] - sizes[0] < 4_000_000, sizes
    assert await environment.check(good) == "somebody", "and the flood has not pushed out whom we know"


async def test_known_keys_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MAX_REMEMBERED", 10)
    environment = Environment()
    for _ in range(25):
        assert await environment.check(environment.key()) == "somebody"
    assert len(environment.authentication._known) == 10


async def test_denials_without_number_are_counted_in_bounded_memory_and_reported_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "REPORT_SECONDS", 0.01)
    environment = Environment()
    for number in range(5_000):
        text = credentials.generate()[0]
        environment.authentication.denied(
            RequestContext({"x-api-key": text}, METHOD), permission_denied(f"s.p{number % 7}")
        )
    assert len(environment.authentication.reports._denials) <= 1_010
    reporting = asyncio.create_task(environment.authentication.reports.send())
    await asyncio.sleep(0.1)
    reporting.cancel()
    assert sum(denial.count for denials, _ in environment.resolver.reports for denial in denials) == 5_000
    assert not environment.authentication.reports._denials


async def test_an_error_that_nobody_expected_does_not_end_the_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "REPORT_SECONDS", 0.01)
    environment = Environment()
    report = environment.resolver.report
    failures = iter([RuntimeError("odd"), unavailable("away")])

    async def sometimes(denials: Sequence[Denial], used: Sequence[str]) -> None:
        for error in failures:
            raise error
        await report(denials, used)

    monkeypatch.setattr(environment.resolver, "report", sometimes)
    reporting = asyncio.create_task(environment.authentication.reports.send())
    for _ in range(3):
        environment.authentication.denied(RequestContext({}, METHOD), permission_denied("s.read"))
        await asyncio.sleep(0.1)
    assert not reporting.done()
    reporting.cancel()
    assert len(environment.resolver.reports) == 1


async def test_an_error_that_nobody_expected_does_not_end_the_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment()
    started = 0

    async def changes() -> AsyncIterator[str]:
        nonlocal started
        started += 1
        yield ""
        raise RuntimeError("odd")

    monkeypatch.setattr(environment.resolver, "changes", changes)
    following = asyncio.create_task(authentication._follow(environment.authentication))
    await asyncio.sleep(1.2)
    assert not following.done()
    assert started >= 2
    following.cancel()


def test_digests_are_compared_in_constant_time() -> None:
    """No digest is compared by `==`: where they are, `hmac.compare_digest` stands."""
    for module, times in ((authentication, 1), (keys, 2)):
        source = inspect.getsource(module)
        assert source.count("compare_digest(") == times
        compared = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
        by_value = [n for n in compared if any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in n.ops)]
        assert not [text for text in map(ast.unparse, by_value) if "digest" in text]


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_access_that_does_not_answer_is_asked_now_and_then_and_not_by_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authentication, "ASK_AGAIN_SECONDS", 600)
    environment = Environment(remember=0)
    text = environment.key()
    assert await environment.check(text) == "somebody"
    environment.resolver.away = True
    assert {await environment.check(text) for _ in range(50)} == {"somebody"}
    assert len(environment.resolver.asked) == 2
