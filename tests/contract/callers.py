"""A service with authentication on, and callers with keys of the access service: two of a kind, and one who sees all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from tests.access.environment import Access, Files, access
from tests.api import descriptors
from tests.contract.running import Running, connected
from tests.contract.subject import Subject
from tests.stack import Server

# Whoever has `admin` changes what is others'. `self`: the caller itself. `resolve`, `fence`: services. `anyone`: a link.
APART = {"admin", "self", "resolve", "fence", "anyone"}


@dataclass(frozen=True)
class Callers:
    """One service as each of them meets it."""

    # These two have every permission of the service that is no administrator's.
    owner: Running
    other: Running
    # And this one its `.audit` besides.
    auditor: Running
    admin: Running
    # Another administrator, by a name of its own.
    deputy: Running


def verb(method: MethodDescriptor) -> str:
    return descriptors.permission(method).partition(".")[2]


def apart(service: ServiceDescriptor) -> set[str]:
    """The RPCs that are not for those who only see what is theirs."""
    return {method.name for method in service.methods if verb(method) in APART}


class Everybody:
    """The access service, and every service of the suite that was asked for, each with its callers."""

    def __init__(self, access_: Access, files: Files, postgres: Server, folder: Path, exits: AsyncExitStack) -> None:
        self._access = access_
        self._files = files
        self._postgres = postgres
        self._folder = folder
        self._exits = exits
        self._known: dict[str, Callers] = {}

    async def of(self, subject: Subject) -> Callers:
        """A service and its callers; started once."""
        if subject.name not in self._known:
            self._known[subject.name] = await self._callers(subject, await self._running(subject))
        return self._known[subject.name]

    async def _running(self, subject: Subject) -> Running:
        if subject.name == "access":
            return self._access.running
        url = await self._exits.enter_async_context(self._postgres.database(subject.name))
        own = subject.variables(self._folder)
        settings = subject.settings(database_url=url, **self._files.of_service(self._access.port), **own)
        server = await self._exits.enter_async_context(subject.compose(settings))
        running = await self._exits.enter_async_context(connected(subject.service, server.port))
        running.database = url
        return running

    async def _callers(self, subject: Subject, running: Running) -> Callers:
        permissions = {descriptors.permission(each) for each in subject.service.methods if verb(each) not in APART}
        worker, overseer = f"{subject.name}-worker", f"{subject.name}-overseer"
        await self._access.role(worker, *sorted(permissions))
        await self._access.role(overseer, *sorted(permissions), f"{subject.name}.audit")
        return Callers(
            running.called_with((await self._access.key(worker, owner="owner")).api_key),
            running.called_with((await self._access.key(worker, owner="other")).api_key),
            running.called_with((await self._access.key(overseer, owner="auditor")).api_key),
            running.called_with(self._files.admin),
            running.called_with((await self._access.key("admin", owner="deputy")).api_key),
        )


@asynccontextmanager
async def everybody(postgres: Server, folder: Path) -> AsyncIterator[Everybody]:
    files = Files.made(folder / "keys")
    async with postgres.database("access") as url, access(url, files) as found, AsyncExitStack() as exits:
        found.running.database = url
        yield Everybody(found, files, postgres, folder, exits)
