"""Secrets by name for what servers of tools are sent: files in a folder, as in Kubernetes; an OAuth client is one."""

import base64
import re
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from time import monotonic

from cachetools import LRUCache

from servicekit.masking import NOTHING, Mask
from services.tools import errors
from services.tools.catalogue.oauth_clients import OAuthClient, oauth_client, secrets_within

REFERENCE = re.compile(r"\$\{(secret|basic|oauth)\.([A-Za-z0-9_.-]{1,128})\}")
# How long a secret that was added may be unknown to the mask, unless a tool used it.
LOOK_AGAIN_SECONDS = 1.0
# Old values stay known: what a server has kept it may tell after they were rotated.
MAX_KNOWN = 1_000
# Of each client. Older ones have ended long ago, and each costs whatever leaves a search for all its forms.
MAX_KNOWN_TOKENS = 16
# Of the present call: the caller's token, and what it was exchanged for.
_own: ContextVar[tuple[str, ...]] = ContextVar("own_tokens", default=())
NO_TOKENS: Mapping[str, str] = {}
MAX_BYTES = 65_536


class Secrets:
    """Reads a secret each time it is used, so that a rotated one takes effect at once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: LRUCache[str, None] = LRUCache(MAX_KNOWN)
        self._tokens: dict[str, deque[str]] = {}
        self._mask: Mask | None = NOTHING
        self._look_at = 0.0

    def require(self, templates: Mapping[str, str]) -> None:
        """Checks that every secret that the templates name is there, and is what they name it.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        self.fill(templates, dict.fromkeys(self.clients(templates), ""))

    def clients(self, templates: Mapping[str, str]) -> dict[str, OAuthClient]:
        """The OAuth clients that the templates name, as `${oauth.NAME}`.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        return {name: self._client(name) for name in oauth_names(templates)}

    def clients_among(self, names: Iterable[str]) -> set[str]:
        """Those of the secrets that declare OAuth clients, and so are nothing to be sent as they are.

        Raises:
            ServiceError: SECRET_NOT_FOUND, also of one that declares a client wrongly.
        """
        found = {name for name in names if any(secrets_within(self._read(name)))}
        for name in found:
            self._client(name)
        return found

    def fill(self, templates: Mapping[str, str], tokens: Mapping[str, str] = NO_TOKENS) -> dict[str, str]:
        """The templates with each `${secret.NAME}` replaced by the secret, and `${basic.NAME}` as RFC 7617 has a pair.

        Args:
            templates: by name.
            tokens: of OAuth clients by their names; without its token, `${oauth.NAME}` is refused.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """

        def filled(reference: re.Match[str]) -> str:
            kind, name = reference.groups()
            if kind == "secret":
                return self._read(name)
            if kind == "basic":
                return f"Basic {self._pair(name)}"
            if name not in tokens:
                raise errors.token_not_for_this(name)
            return f"Bearer {tokens[name]}"

        return {key: REFERENCE.sub(filled, value) for key, value in templates.items()}

    @staticmethod
    def learn_own(*texts: str) -> None:
        """Masks what is of the present call alone, as long as it lasts."""
        _own.set((*_own.get(), *texts))

    def learn_token(self, client: str, token: str) -> None:
        """Masks a token that a client was given, and those that it was given before."""
        self._tokens.setdefault(client, deque(maxlen=MAX_KNOWN_TOKENS)).append(token)
        self._mask = None

    def mask(self) -> Mask:
        """Takes every secret of the folder out of what tools say, whichever of them it was given to.

        And what was got for the caller of the present call alone: of many callers, more than can be searched for in
        each text.
        """
        known, own = self._known_by_all(), _own.get()
        return known.with_more(own) if own else known

    def _known_by_all(self) -> Mask:
        if self._folder is not None and monotonic() >= self._look_at:
            self._look_at = monotonic() + LOOK_AGAIN_SECONDS
            # What cannot be read now no tool is given either.
            with suppress(OSError):
                for file in self._folder.iterdir():
                    if not file.name.startswith(".") and file.is_file() and file.stat().st_size <= MAX_BYTES:
                        self._learn_all(file.read_text(errors="replace").strip())
        if self._mask is None:
            self._mask = Mask([*self._known, *(token for tokens in self._tokens.values() for token in tokens)])
        return self._mask

    def _pair(self, name: str) -> str:
        secret = self._read(name)
        if ":" not in secret:
            raise errors.secret_not_a_pair(name)
        pair = base64.b64encode(secret.encode()).decode()
        # So that the password is known alone, too.
        self._learn(pair)
        return pair

    def _client(self, name: str) -> OAuthClient:
        secret = self._read(name)
        try:
            return oauth_client(secret)
        except ValueError as error:
            raise errors.secret_not_a_client(name, str(error)) from None

    def _read(self, name: str) -> str:
        if self._folder is None or name.startswith("."):
            raise errors.secret_not_found(name)
        try:
            secret = (self._folder / name).read_text().strip()
        except OSError:
            raise errors.secret_not_found(name) from None
        self._learn_all(secret)
        return secret

    def _learn_all(self, secret: str) -> None:
        self._learn(secret)
        for within in secrets_within(secret):
            self._learn(within)

    def _learn(self, secret: str) -> None:
        if secret not in self._known:
            self._mask = None
        self._known[secret] = None


def oauth_names(templates: Mapping[str, str]) -> list[str]:
    """The names of the OAuth clients that templates name."""
    return sorted({name for value in templates.values() for kind, name in REFERENCE.findall(value) if kind == "oauth"})
