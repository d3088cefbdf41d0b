"""One request to the token endpoint of an authorization server, and what its answer means."""

import math
import re
from typing import Any

import aiohttp
import orjson

from servicekit.errors import ServiceError
from servicekit.masking import masked_url
from servicekit.ssrf import AddressNotAllowedError
from services.tools.catalogue.oauth_clients import OAuthClient
from services.tools.upstreams.connections import Connections, Ways
from services.tools.upstreams.models import Token

REQUEST_SECONDS = 10.0
MAX_ANSWER_BYTES = 65_536
# Of a token whose answer does not say how long it is good.
DEFAULT_LIFETIME_SECONDS = 300.0
# What a header can carry: RFC 6750 has fewer characters, and no server should be refused for one of these.
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
# As RFC 6749 writes them; anything else may be what the server was sent.
ERROR_CODE = re.compile(r"[a-z][a-z_]{0,39}")


class TokenError(Exception):
    """No token was given; the message is for the caller, `told` is what the server said, for the operator's log."""

    def __init__(self, message: str, told: str = "") -> None:
        super().__init__(message)
        self.told = told


class TokenEndpoint:
    """Asks for tokens, each time over a connection of its own: one that stood idle for an hour would be broken."""

    def __init__(self, ways: Ways) -> None:
        self._connections = Connections(
            ways,
            # What is packed is bounded when it comes, and not once it is unpacked.
            {"User-Agent": "qmcp", "Accept-Encoding": "identity"},
            aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            force_close=True,
        )

    async def aclose(self) -> None:
        await self._connections.aclose()

    async def request_token(self, client: OAuthClient, proof: str = "") -> Token:
        """A new token, by one request.

        Args:
            client: who asks.
            proof: what its grant is given for, as `OAuthClient.token_request` has it.

        Raises:
            TokenError: it was not reached, or not within its time, or gave none.
        """
        server = masked_url(client.token_url)
        try:
            headers, body = client.token_request(proof)
            # What a redirect leads to would be sent the client's secret.
            async with await self._connections.request(
                "POST",
                client.token_url,
                profile=client.transport_profile,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            ) as response:
                received = await _read(response)
        except TimeoutError:
            raise TokenError(f"{server} did not answer within {REQUEST_SECONDS:g} s.") from None
        except AddressNotAllowedError as error:
            raise TokenError(f"{error} An operator may allow the network with QMCP_TOOLS_ALLOWED_NETWORKS.") from None
        except ServiceError as error:
            raise TokenError(error.message) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Its words may name the whole address, and with it what is secret in it.
            raise TokenError(f"{server} could not be reached ({type(error).__name__}).", str(error)) from None
        return _token(server, response.status, received)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer; nothing of one that is larger than any that has a token."""
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > MAX_ANSWER_BYTES:
            response.close()
            return b""
    return bytes(received)


def _token(server: str, status: int, received: bytes) -> Token:
    try:
        found = orjson.loads(received)
    except ValueError:
        found = None
    answer: dict[str, Any] = found if isinstance(found, dict) else {}
    if status // 100 != 2:  # noqa: PLR2004 - 2xx
        code = answer.get("error")
        named = f" ({code})" if isinstance(code, str) and ERROR_CODE.fullmatch(code) else ""
        raise TokenError(f"{server} answered {status}{named}.", str(answer.get("error_description", "")))
    text, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
    if not (isinstance(text, str) and TOKEN.fullmatch(text)):
        raise TokenError(f"{server} answered {status}, without an access_token that a header can carry.")
    refresh = answer.get("refresh_token", "")
    if not (isinstance(refresh, str) and (not refresh or TOKEN.fullmatch(refresh))):
        raise TokenError(f"{server} answered {status}, with a refresh_token that is none.")
    if not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise TokenError(f"{server} gave a token of another type than Bearer.")
    return Token(text, _lifetime(answer.get("expires_in")), refresh)


def _lifetime(expires_in: object) -> float:
    """Seconds; some servers write them as text."""
    try:
        seconds = float(expires_in) if isinstance(expires_in, int | float | str) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    return max(0.0, seconds) if math.isfinite(seconds) else DEFAULT_LIFETIME_SECONDS
