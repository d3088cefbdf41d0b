"""What carries connections to MCP servers: guarded HTTP, and processes that an administrator allows."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from servicekit.errors import invalid_field
from servicekit.ssrf import AddressNotAllowedError, has_user
from services.tools import errors
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.oauth_clients import EXCHANGE
from services.tools.mcp_servers.commands import Command, environment
from services.tools.mcp_servers.models import HttpTransport, StdioTransport
from services.tools.upstreams.connections import Ways

if TYPE_CHECKING:
    from services.tools.mcp_servers.connection import Link


class Links:
    """Opens them, with the credentials as they are at that moment."""

    def __init__(
        self,
        ways: Ways,
        credentials: Credentials,
        commands: Mapping[str, Command],
        max_response_bytes: int,
        max_memory_bytes: int,
    ) -> None:
        """Takes the bounds of an answer and of the memory of a process with its children."""
        self.secrets = credentials.secrets
        self._credentials = credentials
        self._ways = ways
        self._commands = commands
        self._max_response_bytes = max_response_bytes
        self._max_memory_bytes = max_memory_bytes

    def require_usable(self, transport: HttpTransport | StdioTransport) -> None:
        """Checks what can be checked before the first connection.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, INVALID_REQUEST, SECRET_NOT_FOUND, TRANSPORT_PROFILE_NOT_FOUND,
                COMMAND_NOT_ALLOWED.
        """
        if isinstance(transport, StdioTransport):
            if transport.command not in self._commands:
                raise errors.command_not_allowed(transport.command)
            return
        try:
            self._ways.require_usable(transport.url, transport.transport_profile)
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("server.http.url", str(error)) from None
        except ValueError as error:
            raise errors.url_invalid("server.http.url", str(error)) from None
        if has_user(transport.url):
            raise invalid_field("server.http.url", "has a user in it: put the credential into a header")
        self.secrets.require(transport.headers)
        for name, client in self.secrets.clients(transport.headers).items():
            if client.grant_type == EXCHANGE:
                # A connection serves all callers, and lists tools for none.
                raise errors.exchange_not_for_servers(name)

    def open(self, transport: HttpTransport | StdioTransport) -> "Link":
        """A new one.

        Raises:
            ServiceError: SECRET_NOT_FOUND, COMMAND_NOT_ALLOWED.
        """
        # They bring the SDK with them, as connections.py says.
        from services.tools.mcp_servers.http import GuardedTransport, HttpLink  # noqa: PLC0415
        from services.tools.mcp_servers.stdio import StdioProcess  # noqa: PLC0415

        if isinstance(transport, HttpTransport):
            guarded = GuardedTransport(self._ways, self._credentials, transport, self._max_response_bytes)
            return HttpLink(transport.url, guarded)
        command = self._commands.get(transport.command)
        if command is None:
            raise errors.command_not_allowed(transport.command)
        own = self.secrets.fill(command.environment)
        limits = (self._max_memory_bytes, self._max_response_bytes)
        return StdioProcess(command, environment(os.environ, own), *limits)
