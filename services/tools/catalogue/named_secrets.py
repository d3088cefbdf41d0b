"""Named secrets for the headers of HTTP tools: files in a folder, as Kubernetes mounts them."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from cachetools import LRUCache

from servicekit.masking import NOTHING, Mask
from services.tools import errors

REFERENCE = re.compile(r"\$\{(secret|basic)\.([A-Za-z0-9_.-]{1,128})\}")
# How long a secret that was added may be unknown to the mask, unless a tool used it.
LOOK_AGAIN_SECONDS = 1.0
# Old values stay known: what a server has kept it may tell after they were rotated.
MAX_KNOWN = 1_000
MAX_BYTES = 65_536


class Secrets:
    """Reads a secret each time it is used, so that a rotated one takes effect at once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: LRUCache[str, None] = LRUCache(MAX_KNOWN)
        self._mask: Mask | None = NOTHING
        self._look_at = 0.0

    def require(self, templates: Mapping[str, str]) -> None:
        """Checks that every secret that the templates name is there.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        self.fill(templates)

    def fill(self, templates: Mapping[str, str]) -> dict[str, str]:
        """The templates with each `${secret.NAME}` replaced by the secret, and `${basic.NAME}` as RFC 7617 has a pair.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        return {key: REFERENCE.sub(self._filled, value) for key, value in templates.items()}

    def mask(self) -> Mask:
        """Takes every secret of the folder out of what tools say, whichever of them it was given to."""
        if self._folder is not None and monotonic() >= self._look_at:
            self._look_at = monotonic() + LOOK_AGAIN_SECONDS
            # What cannot be read now no tool is given either.
            with suppress(OSError):
                for file in self._folder.iterdir():
                    if not file.name.startswith(".") and file.is_file() and file.stat().st_size <= MAX_BYTES:
                        self._learn(file.read_text(errors="replace").strip())
        if self._mask is None:
            self._mask = Mask(self._known)
        return self._mask

    def _filled(self, reference: re.Match[str]) -> str:
        kind, name = reference.groups()
        secret = self._read(name)
        if kind == "secret":
            return secret
        if ":" not in secret:
            raise errors.secret_not_a_pair(name)
        pair = base64.b64encode(secret.encode()).decode()
        # So that the password is known alone, too.
        self._learn(pair)
        return f"Basic {pair}"

    def _read(self, name: str) -> str:
        if self._folder is None or name.startswith("."):
            raise errors.secret_not_found(name)
        try:
            secret = (self._folder / name).read_text().strip()
        except OSError:
            raise errors.secret_not_found(name) from None
        self._learn(secret)
        return secret

    def _learn(self, secret: str) -> None:
        if secret not in self._known:
            self._mask = None
        self._known[secret] = None
