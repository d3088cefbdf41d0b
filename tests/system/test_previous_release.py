"""The previous release serves on today's tables: during a deployment its replicas meet a database that is migrated already.

`previous_release` beside this file names its commit. A commit cannot name itself: it is the one before the release's own.
"""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.process import process
from tests.contract.running import Running
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS
from tests.stack import ROOT, Server

COMMIT = Path(__file__).with_name("previous_release").read_text().strip()
HERE = subprocess.run(
    ["git", "ls-tree", "-r", "--name-only", COMMIT], cwd=ROOT, capture_output=True, text=True, check=False
)
FOLDERS = ("services", "servicekit", "gen", "client", "protos", "pyproject.toml")


def declares(service: str, method: str) -> bool:
    """Whether the previous release has this RPC."""
    shown = subprocess.run(
        ["git", "grep", "-qw", f"rpc {method}", COMMIT, "--", f"protos/qmcp/{service}/"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return shown.returncode == 0


SERVICES = [
    pytest.param(subject, id=subject.name)
    for subject in SUBJECTS
    if f"services/{subject.name}/__main__.py" in HERE.stdout.splitlines()
]


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the previous release."""
    folder = tmp_path_factory.mktemp("previous")
    archive = subprocess.run(["git", "archive", COMMIT, *FOLDERS], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


@pytest.fixture
async def running(subject: Subject, previous: Path, postgres: Server, tmp_path: Path) -> AsyncIterator[Running]:
    """The previous release's service on a database with today's tables."""
    async with (
        postgres.database(subject.name) as database,
        process(subject, database, tmp_path, tree=previous) as (_, service),
    ):
        yield service


def test_the_commit_of_the_previous_release_is_in_this_clone() -> None:
    assert HERE.returncode == 0, f"{COMMIT} is not in the history of this clone: git fetch --unshallow ({HERE.stderr})"
    assert SERVICES, f"{COMMIT} has no service"


@pytest.mark.parametrize("subject", SERVICES)
async def test_the_previous_release_writes_and_lists_on_todays_tables(running: Running, subject: Subject) -> None:
    for name, effect in subject.effects.items():
        if declares(subject.name, name):
            if effect.prepare is not None:
                await effect.prepare(running)
            request = effect.request(1)
            setattr(request, effect.field, f"once-{name}")
            first = await running.must(name, request)
            assert effect.identity(await running.must(name, request)) == effect.identity(first), name
    for name, listing in subject.listings.items():
        if declares(subject.name, name):
            made = await listing.make(running, 2)
            found = await running.must(name, running.request(name, page_size=500, **listing.filter))
            [rows] = [value for field, value in found.ListFields() if field.is_repeated]
            assert set(made) <= {getattr(row, listing.key) for row in rows}, name
