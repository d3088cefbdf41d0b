"""While its database is away every call of every service is answered in time, and health tells it and heals."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from servicekit import group_commit, health, postgres
from tests.contract import troubles
from tests.contract.running import Answer, Refusal, Running, connected
from tests.contract.subject import Subject
from tests.contract.test_health import NOT_SERVING, SERVING, status, until
from tests.contract.troubles import Trouble
from tests.stack import Server

# Of the service, for callers who give none.
DEADLINE_SECONDS = 1.0
# Against hanging.
GUARD_SECONDS = 60.0
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
CALLS = 12
SETTLED = {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS}


@pytest.fixture(params=["stopped", "silent", "used_up", "full"])
async def trouble(request: pytest.FixtureRequest, postgres: Server, database: str) -> AsyncIterator[Trouble]:
    async with getattr(troubles, request.param)(postgres, database) as found:
        yield found


@pytest.fixture
async def impatient(
    subject: Subject, database: str, trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """The service behind the database that can be away, with little patience."""
    for module, name, seconds in (
        (group_commit, "PATIENCE_SECONDS", 1.0),
        (group_commit, "STALLED_SECONDS", 0.5),
        (postgres, "STATEMENT_SECONDS", 2.0),
        (postgres, "WORK_SECONDS", 2.0),
        (postgres, "CONNECT_SECONDS", 1.0),
        (postgres, "ACQUIRE_SECONDS", 1.0),
        (postgres, "READY_SECONDS", 1.0),
        (health, "CHECK_SECONDS", 0.2),
    ):
        monkeypatch.setattr(module, name, seconds)
    settings = subject.settings(
        database_url=trouble.url,
        grpc_port=0,
        metrics_port=0,
        shutdown_grace_seconds=1,
        default_deadline_seconds=DEADLINE_SECONDS,
        **subject.variables(tmp_path),
    )
    async with subject.compose(settings) as server, connected(subject.service, server.port) as service:
        service.database = database
        for effect in subject.effects.values():
            if effect.prepare is not None:
                await effect.prepare(service)
        yield service


async def test_every_call_is_answered_in_time_and_health_tells_it_and_heals(
    impatient: Running, subject: Subject, trouble: Trouble
) -> None:
    async def effect(name: str, number: int) -> Answer | Refusal:
        async with asyncio.timeout(GUARD_SECONDS):
            return await impatient.call(name, subject.effects[name].request(number), seconds=None)

    assert await status(impatient, "") == SERVING
    await trouble.begin()
    calls = [effect(name, number) for name in subject.effects for number in range(1, CALLS)]
    answers = await asyncio.gather(*calls)
    # Where one connection is left, it serves some of them.
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(refused) == len(answers) or (trouble.partial and refused)
    assert any(answer.code in AWAY for answer in refused)
    for answer in refused:
        # Those that are served may have settled what others want to change.
        assert answer.code in AWAY or (trouble.partial and answer.code in SETTLED), answer
        assert answer.reason in impatient.declared(), answer
        # Who was told what it waited for is told when to try again; on a slow machine some have waited for a processor.
        assert answer.retry_after or not answer.metadata.get("waited_for"), answer
    assert any(answer.retry_after for answer in refused)
    for name in ("", subject.service.full_name):
        await until(impatient, name, NOT_SERVING)
    assert await status(impatient, health.LIVENESS) == SERVING
    await trouble.end()
    for name in ("", subject.service.full_name):
        await until(impatient, name, SERVING)
    for number, name in enumerate(subject.effects):
        async with asyncio.timeout(GUARD_SECONDS):
            healed = await effect(name, CALLS + number)
            # A second may be too little on a slow machine that still clears up; who is told to try again does.
            while isinstance(healed, Refusal) and healed.retry_after:
                healed = await effect(name, CALLS + number)
        # What was being written as the database went is written all the same, so what the calls before wanted to change
        # may be settled by now: to say so is an answer too.
        assert isinstance(healed, Answer) or healed.code in SETTLED, (name, healed)
