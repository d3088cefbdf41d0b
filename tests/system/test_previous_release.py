"""The previous release serves on today's tables: during a deployment its replicas meet a database that is migrated already.

`previous_release` beside this file names its commit. A commit cannot name itself: it is the one before the release's own.
"""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.message import Message

from tests.contract.process import process
from tests.contract.running import Running
from tests.contract.subject import Effect, Listing, Subject
from tests.contract.subjects import SUBJECTS
from tests.stack import ROOT, Server, compiled

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
    return compiled(folder)


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
async def test_what_the_previous_release_wrote_is_there_after_an_upgrade(
    subject: Subject, previous: Path, postgres: Server, tmp_path: Path
) -> None:
    """Its own tables, rows and all, become today's; a retry still gets its first answer."""
    name = f"upgraded_{subject.name}"
    await postgres.execute(f"CREATE DATABASE {name}")
    database = postgres.url(name)
    async with process(subject, database, tmp_path, tree=previous) as (_, before):
        effects = {each: effect for each, effect in subject.effects.items() if declares(subject.name, each)}
        for effect in effects.values():
            if effect.prepare is not None:
                await effect.prepare(before)
        first = {each: await before.must(each, _once(each, effect)) for each, effect in effects.items()}
        listings = {each: found for each, found in subject.listings.items() if declares(subject.name, each)}
        made = {each: await listing.make(before, 2) for each, listing in listings.items()}
    async with process(subject, database, tmp_path) as (_, after):
        for each, effect in effects.items():
            assert effect.identity(await after.must(each, _once(each, effect))) == effect.identity(first[each]), each
        for each, listing in listings.items():
            assert set(made[each]) <= await _listed(after, each, listing), each
        if "VerifyReceipts" in after.service.methods_by_name:
            verified = await after.must("VerifyReceipts", after.request("VerifyReceipts"))
            assert (verified.valid, verified.receipts_verified > 0) == (True, True), verified
    await postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.promise("S27")
@pytest.mark.parametrize("subject", SERVICES)
async def test_the_previous_release_writes_and_lists_on_todays_tables(running: Running, subject: Subject) -> None:
    for name, effect in subject.effects.items():
        if declares(subject.name, name):
            if effect.prepare is not None:
                await effect.prepare(running)
            first = await running.must(name, _once(name, effect))
            assert effect.identity(await running.must(name, _once(name, effect))) == effect.identity(first), name
    for name, listing in subject.listings.items():
        if declares(subject.name, name):
            made = await listing.make(running, 2)
            assert set(made) <= await _listed(running, name, listing), name


def _once(name: str, effect: Effect) -> Message:
    """A request of that effect with a key of its own."""
    request = effect.request(1)
    setattr(request, effect.field, f"once-{name}")
    return request


async def _listed(running: Running, name: str, listing: Listing) -> set[str]:
    found = await running.must(name, running.request(name, page_size=500, **listing.filter))
    [rows] = [value for field, value in found.ListFields() if field.is_repeated]
    return {getattr(row, listing.key) for row in rows}
