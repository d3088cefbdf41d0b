"""Named secrets for the headers of HTTP tools: files in a folder, as Kubernetes mounts them."""

import re
from collections.abc import Mapping
from pathlib import Path

from services.tools import errors

REFERENCE = re.compile(r"\$\{secret\.([A-Za-z0-9_.-]{1,128})\}")


class Secrets:
    """Reads a secret each time it is used, so that a rotated one takes effect at once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def require(self, templates: Mapping[str, str]) -> None:
        """Checks that every secret that the templates name is there.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        self.fill(templates)

    def fill(self, templates: Mapping[str, str]) -> dict[str, str]:
        """The templates with each `${secret.NAME}` replaced.

        Raises:
            ServiceError: SECRET_NOT_FOUND.
        """
        return {key: REFERENCE.sub(lambda match: self._read(match[1]), value) for key, value in templates.items()}

    def _read(self, name: str) -> str:
        if self._folder is None or name.startswith("."):
            raise errors.secret_not_found(name)
        try:
            return (self._folder / name).read_text().strip()
        except OSError:
            raise errors.secret_not_found(name) from None
