"""Every test of this folder runs once for each service, against a server of its own in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.running import Running, connected
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS
from tests.stack import Server


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.param
    return found


@pytest.fixture
async def database(postgres: Server, subject: Subject) -> AsyncIterator[str]:
    async with postgres.database(subject.name) as url:
        yield url


@pytest.fixture
async def running(subject: Subject, database: str, tmp_path: Path) -> AsyncIterator[Running]:
    settings = subject.settings(
        database_url=database,
        grpc_port=0,
        metrics_port=0,
        shutdown_grace_seconds=1,
        **subject.variables(tmp_path),
    )
    async with subject.compose(settings) as server, connected(subject.service, server.port) as service:
        service.database = database
        yield service
