"""OAuth 2.0 clients that an operator declares, each as a JSON document among the named secrets."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
from yarl import URL

from servicekit.ssrf import has_user, host_of

BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
CLIENT_CREDENTIALS, REFRESH_TOKEN = "client_credentials", "refresh_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS = (CLIENT_CREDENTIALS, REFRESH_TOKEN, EXCHANGE)
OF_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
REQUIRED = ("token_url", "client_id")


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks an authorization server for tokens, and for which; fields are named as RFC 6749 and 7591 name them."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    audience: str = ""
    token_endpoint_auth_method: str = BASIC
    grant_type: str = CLIENT_CREDENTIALS
    # By which tokens of a user's are had (RFC 6749, 6); each may replace it.
    refresh_token: str = field(default="", repr=False)
    # Of an exchange (RFC 8693): for which server the token is to be, which kind the caller's is, which kind is wanted.
    resource: str = ""
    subject_token_type: str = ""
    requested_token_type: str = ""
    # By which the authorization server is reached; empty: none.
    transport_profile: str = ""

    @property
    def pair(self) -> str:
        """Id and secret as HTTP's Basic authentication has them, each encoded as in a form (RFC 6749, 2.3.1)."""
        return base64.b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()).decode()

    @property
    def renewable_as(self) -> tuple[str, str]:
        """Digests: of the refresh token that is declared and where it is good; of what is asked for."""
        wanted = (self.scope, self.audience, self.token_endpoint_auth_method)
        return _digest(self.token_url, self.client_id, self.refresh_token), _digest(*wanted)

    def token_request(self, proof: str = "") -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a request for a token (RFC 6749, 4.4.2 and 6; RFC 8693, 2.1).

        Args:
            proof: what the grant is given for: a refresh token, or the token of a caller; empty for client credentials.
        """
        form = {"grant_type": self.grant_type, "scope": self.scope, "audience": self.audience}
        if self.grant_type == REFRESH_TOKEN:
            form["refresh_token"] = proof
        if self.grant_type == EXCHANGE:
            form |= {
                "subject_token": proof,
                "subject_token_type": self.subject_token_type or OF_ACCESS,
                "requested_token_type": self.requested_token_type,
                "resource": self.resource,
            }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.token_endpoint_auth_method in (POST, NONE):
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            headers["Authorization"] = f"Basic {self.pair}"
        return headers, urlencode({name: value for name, value in form.items() if value}).encode()


FIELDS = tuple(each.name for each in fields(OAuthClient))


def oauth_client(text: str) -> OAuthClient:
    """The client that a document declares.

    Raises:
        ValueError: what is wrong with it, by the names of its fields and without what they hold.
    """
    found = _parsed(text)
    if found is None:
        raise ValueError("it is no JSON object")
    if unknown := sorted(found.keys() - set(FIELDS)):
        raise ValueError(f"it has a field {unknown[0]!r}, and there are {', '.join(FIELDS)}")
    for name in FIELDS:
        if not isinstance(found.get(name, ""), str):
            raise ValueError(f"its {name} is no text")  # noqa: TRY004 - one kind of error for whoever reads the file
        if name in REQUIRED and not found.get(name):
            raise ValueError(f"it has no {name}")
    client = OAuthClient(**found)
    _require_consistent(client)
    _require_url(client.token_url)
    return client


def _require_consistent(client: OAuthClient) -> None:
    """That what it says of its grant and its proof belongs together."""
    if client.token_endpoint_auth_method not in (BASIC, POST, NONE):
        raise ValueError(f"its token_endpoint_auth_method is neither {BASIC} nor {POST} nor {NONE}")
    if client.grant_type not in GRANTS:
        raise ValueError(f"its grant_type is none of {', '.join(GRANTS)}")
    # A client without a secret proves itself by the token that it was given.
    if client.token_endpoint_auth_method == NONE and client.grant_type == CLIENT_CREDENTIALS:
        raise ValueError(f"its token_endpoint_auth_method is {NONE}, with which there are no client credentials")
    if bool(client.client_secret) == (client.token_endpoint_auth_method == NONE):
        raise ValueError("it has no client_secret" if not client.client_secret else "it has a client_secret to no end")
    if bool(client.refresh_token) != (client.grant_type == REFRESH_TOKEN):
        raise ValueError("a refresh_token and the grant_type refresh_token go together")
    if client.grant_type != EXCHANGE and any((client.resource, client.subject_token_type, client.requested_token_type)):
        raise ValueError("resource, subject_token_type and requested_token_type are of a token exchange alone")


def secrets_within(text: str) -> Iterator[str]:
    """What must be known alone of a document that declares a client, even where something is wrong with it."""
    found = _parsed(text) or {}
    if isinstance(refresh := found.get("refresh_token"), str) and refresh:
        yield refresh
    secret, client_id = found.get("client_secret"), found.get("client_id", "")
    if isinstance(secret, str) and secret:
        yield secret
        yield OAuthClient("", str(client_id), secret).pair


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _parsed(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _require_url(token_url: str) -> None:
    try:
        host_of(token_url)
        url = URL(token_url, encoded=True)
    except ValueError:
        raise ValueError("its token_url is no URL") from None
    if url.scheme not in ("https", "http") or url.raw_fragment:
        raise ValueError("its token_url is none of https or http without a fragment")
    if has_user(token_url):
        raise ValueError("its token_url has a user in it")
