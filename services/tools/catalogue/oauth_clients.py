"""OAuth 2.0 clients that an operator declares, each as a JSON document among the named secrets."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
from yarl import URL

from servicekit.ssrf import has_user, host_of

BASIC, POST = "client_secret_basic", "client_secret_post"
REQUIRED = ("token_url", "client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks an authorization server for tokens, and for which; fields are named as RFC 6749 and 7591 name them."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""
    token_endpoint_auth_method: str = BASIC
    # By which the authorization server is reached; empty: none.
    transport_profile: str = ""

    @property
    def pair(self) -> str:
        """Id and secret as HTTP's Basic authentication has them, each encoded as in a form (RFC 6749, 2.3.1)."""
        return base64.b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()).decode()

    def token_request(self) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a request for a token by the client credentials grant (RFC 6749, 4.4.2)."""
        form = {"grant_type": "client_credentials", "scope": self.scope, "audience": self.audience}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.token_endpoint_auth_method == POST:
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
    if client.token_endpoint_auth_method not in (BASIC, POST):
        raise ValueError(f"its token_endpoint_auth_method is neither {BASIC} nor {POST}")
    _require_url(client.token_url)
    return client


def secrets_within(text: str) -> Iterator[str]:
    """What must be known alone of a document that declares a client, even where something is wrong with it."""
    found = _parsed(text) or {}
    secret, client_id = found.get("client_secret"), found.get("client_id", "")
    if isinstance(secret, str) and secret:
        yield secret
        yield OAuthClient("", str(client_id), secret).pair


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
