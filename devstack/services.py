"""The services: the folders services/*/ that can be started, and what each says of itself in its settings."""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import AliasChoices
from qmcp.options.v1 import options_pb2

import services
from gateway import contract
from servicekit.settings import ServiceSettings

# The folder of the home folder that has the keys of all services.
KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Service:
    """One folder, which is one process with one database."""

    name: str
    settings: type[ServiceSettings]

    @property
    def database(self) -> str:
        """The name of its database."""
        return database_name(self.name)

    @property
    def address_variable(self) -> str:
        """The variable that tells everybody where its gRPC is."""
        return f"QMCP_{self.name.upper()}_ADDRESS"

    @property
    def metrics_variable(self) -> str:
        """The variable that tells everybody where its metrics are."""
        return f"QMCP_{self.name.upper()}_METRICS_ADDRESS"

    @property
    def ports(self) -> dict[str, int]:
        """The usual ports that it has besides, by the variable that chooses another."""
        return {f"QMCP_{name.upper()}": port for name, port in self.settings.PORTS.items()}

    def names_of(self, variable: str) -> tuple[str, ...]:
        """The variables that choose a port: ours, and the one that the original had for it, where there is one."""
        field = self.settings.model_fields[variable.removeprefix("QMCP_").lower()]
        aliases = field.validation_alias
        return tuple(map(str, aliases.choices)) if isinstance(aliases, AliasChoices) else (variable,)

    def files(self, home: Path, keys: Path) -> dict[str, Path]:
        """Where it finds and keeps its files, by variable: in a home folder, and in the folder of everybody's keys."""
        placed = {}
        for field, name in self.settings.HOME_FILES.items():
            folder, _, file = name.rpartition("/")
            placed[f"QMCP_{field.upper()}"] = keys / file if folder == KEYS else home / name
        if self.settings.KEY_ROLES:
            placed["QMCP_ACCESS_KEY_FILE"] = keys / self.name
        return placed

    def folders(self, home: Path) -> dict[str, Path]:
        """Where it keeps what can be lost, by variable."""
        return {f"QMCP_{field.upper()}": home / name / self.name for field, name in self.settings.HOME_FOLDERS.items()}

    def database_url(self, server: str) -> str:
        """The address of its database on this server."""
        return urlunsplit(urlsplit(server)._replace(path=f"/{self.database}"))


def database_name(service: str) -> str:
    """The name of a service's database."""
    return f"qmcp_{service}"


@cache
def found() -> tuple[Service, ...]:
    """All services, each after those that it calls, else by name.

    Raises:
        LookupError: where one calls a service that is not there.
        ValueError: where they call one another in a circle.
    """
    by_name = {service.name: service for service in _read(services.__path__)}
    for service in by_name.values():
        if missing := set(service.settings.PEERS) - set(by_name):
            raise LookupError(f"services/{service.name}/settings.py names peers that are not there: {missing}")
    try:
        order = TopologicalSorter({name: each.settings.PEERS for name, each in by_name.items()}).static_order()
        return tuple(by_name[name] for name in order)
    except CycleError as error:
        raise ValueError(f"Services call one another in a circle: {' → '.join(error.args[1])}") from None


def taker_of(standard: str) -> str:
    """The service whose contract takes the RPC of a standard, as `<package>.<Service>/<Rpc>`; empty where none does."""
    for service in contract.services():
        if any(contract.option(method, options_pb2.standard_rpc) == standard for method in service.methods):
            return contract.short_name(service)
    return ""


def _read(folders: Iterable[str]) -> list[Service]:
    entries = sorted(entry for folder in folders for entry in Path(folder).glob("*/__main__.py"))
    names = [entry.parent.name for entry in entries]
    return [Service(name, importlib.import_module(f"services.{name}.settings").Settings) for name in names]
