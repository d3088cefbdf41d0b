"""Callers come with keys of access, whose rate holds over all replicas, or with those that the environment gives."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from qmcp.metrics.v1 import metrics_service_pb2

from services.metrics.limits.preshared_keys import preshared_keys
from services.metrics.server import Settings, compose
from tests.access import environment
from tests.access.environment import Access, Files, with_key
from tests.contract.running import Answer, Refusal, Running, connected
from tests.metrics.service import KEYS, ingestion
from tests.stack import Server
from tests.wire import query

SERVICE = metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"]
KEY = "mcp_metrics_2XgqvJbN0c3TqC7lY6w1Zk8m5p4r9s0t1u2v3w4x5y6"


@dataclass(frozen=True)
class Guarded:
    access: Access
    replicas: list[Running]
    database: str


@pytest.fixture
async def guarded(
    postgres: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Guarded]:
    monkeypatch.setenv("METRICS_API_KEY_AUTH_SERVER", KEY)
    files = Files.made(tmp_path / "keys")
    async with AsyncExitStack() as opened:
        url = await opened.enter_async_context(postgres.database("access"))
        access = await opened.enter_async_context(environment.access(url, files))
        replicas = []
        for _ in range(2):
            settings = Settings(
                database_url=database,
                metrics_rate_limit=5,
                metrics_prometheus_enabled=False,
                metrics_secrets_key_file=KEYS / "secrets-key",
                **files.of_service(access.port),
            )
            server = await opened.enter_async_context(compose(settings))
            replicas.append(await opened.enter_async_context(connected(SERVICE, server.port)))
        yield Guarded(access, replicas, database)


async def test_a_key_that_the_environment_gives_sends_in_its_own_name_and_has_the_default_rate(
    guarded: Guarded,
) -> None:
    one, other = guarded.replicas
    for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        assert isinstance(await one.call("IngestMetrics", ingestion(), headers), Answer)
    assert await query(guarded.database, "SELECT DISTINCT principal FROM series") == [("auth-server",)]
    limit = await other.must("GetRateLimit", metadata={"x-api-key": KEY})
    assert (limit.service, limit.rate_limit, limit.available_tokens) == ("auth-server", 5, 3)
    for wrong in (KEY[:-1], KEY + "x", KEY.upper(), "mcp_metrics_", " "):
        refused = await one.refused("IngestMetrics", ingestion(), {"x-api-key": wrong})
        assert refused.reason == "UNAUTHENTICATED"


async def test_a_keys_own_rate_holds_over_all_replicas_and_each_key_has_its_own(guarded: Guarded) -> None:
    key = (await guarded.access.key("ingest", owner="agent", rate_per_minute=3)).api_key
    ended = [
        await guarded.replicas[number % 2].call("IngestMetrics", ingestion(), with_key(key)) for number in range(4)
    ]
    assert [isinstance(each, Answer) for each in ended] == [True, True, True, False]
    assert isinstance(ended[-1], Refusal)
    assert (ended[-1].reason, ended[-1].trailers["x-ratelimit-limit"]) == ("RATE_LIMITED", "3")
    second = (await guarded.access.key("ingest", owner="agent", rate_per_minute=3)).api_key
    assert isinstance(await guarded.replicas[0].call("IngestMetrics", ingestion(), with_key(second)), Answer)


async def test_who_may_not_send_is_refused_before_a_call_is_counted(guarded: Guarded) -> None:
    key = (await guarded.access.key("human", owner="ann")).api_key
    refused = await guarded.replicas[0].refused("IngestMetrics", ingestion(), with_key(key))
    assert refused.reason == "PERMISSION_DENIED"
    assert await query(guarded.database, "SELECT * FROM call_buckets") == []


def test_a_key_that_can_be_guessed_or_that_two_have_is_refused_at_the_start() -> None:
    assert preshared_keys({"METRICS_API_KEY_A": "", "OTHER": "x" * 20}) == {}
    for wrong in ({"METRICS_API_KEY_A": "short"}, {"METRICS_API_KEY_A": "x" * 20, "METRICS_API_KEY_B": "x" * 20}):
        with pytest.raises(SystemExit, match="METRICS_API_KEY_"):
            preshared_keys(wrong)
