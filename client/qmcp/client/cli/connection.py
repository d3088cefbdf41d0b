"""How a subcommand reaches QMCP."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from qmcp.client.address import Address, resolve

if TYPE_CHECKING:
    from qmcp.client.sync import Client


@dataclass(frozen=True, slots=True)
class Connection:
    """What the options of the root said."""

    url: str | None
    api_key: str | None

    @property
    def address(self) -> Address:
        """The door that they lead to."""
        return resolve(self.url)


def connection(context: typer.Context) -> Connection:
    """The connection that the root made."""
    found: Connection = context.find_root().obj
    return found


def connect(context: typer.Context) -> "Client":
    """A client of the system that the options name."""
    from qmcp.client.sync import Client

    chosen = connection(context)
    return Client(chosen.url, api_key=chosen.api_key)
