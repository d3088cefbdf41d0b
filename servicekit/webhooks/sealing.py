"""The secrets of an installation: the keys that encrypt webhooks' secrets at rest, and a secret of its own."""

import base64
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from servicekit import key_files
from servicekit.postgres import Connection, Database

logger = structlog.get_logger(__name__)

PREFIX = "whsec_"
# The Standard Webhooks specification wants 24 to 64 bytes.
SECRET_BYTES = 32
MIN_SECRET_BYTES = 24
# How long the secret before a rotation signs beside the new one, where nobody says.
GRACE_SECONDS = 86_400


class SealBrokenError(Exception):
    """None of the keys opens a secret."""


class Sealing:
    """Encrypts secrets, and reads what it or an older key has encrypted."""

    def __init__(self, keys: list[Fernet]) -> None:
        self._newest = keys[0]
        self._all = MultiFernet(keys)

    @classmethod
    def load(cls, file: Path, variable: str) -> "Sealing":
        """Reads the keys, a line each, the newest first; makes one where the file does not exist.

        Args:
            file: where they are.
            variable: by which it was chosen, for the error.

        Raises:
            SystemExit: when they can be neither read nor made, or are none. No line is shown.
        """
        text = _read_or_make(file, variable, lambda: Fernet.generate_key().decode())
        keys = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                keys.append(Fernet(line.strip()))
            except ValueError:
                raise SystemExit(
                    f"{variable}={file}, line {number}, is no Fernet key: 32 bytes in URL-safe base64."
                ) from None
        if not keys:
            raise SystemExit(f"{variable}={file} holds no key. Without the file, one is made.")
        return cls(keys)

    def seal(self, secret: str) -> bytes:
        return self._all.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret.

        Raises:
            SealBrokenError: when none of the keys has sealed it.
        """
        try:
            return self._all.decrypt(sealed).decode()
        except InvalidToken:
            raise SealBrokenError from None

    def open_both(self, sealed: bytes, replaced: bytes | None) -> list[str]:
        """The secrets that sign: of a rotation's grace time the one before too, where a key opens it still.

        Raises:
            SealBrokenError: when none of the keys has sealed the newer one.
        """
        opened = [self.open(sealed)]
        if replaced is not None:
            with suppress(SealBrokenError):
                opened.append(self.open(replaced))
        return opened

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same secret sealed with the newest key; None where it is already.

        Raises:
            SealBrokenError: when none of the keys has sealed it.
        """
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return self.seal(self.open(sealed))
        return None


async def reseal(
    database: Database,
    sealing: Sealing,
    kept: Callable[[Connection], Awaitable[Sequence[tuple[UUID, bytes]]]],
    replace: Callable[[Connection, UUID, bytes, bytes], Awaitable[None]],
) -> None:
    """Seals with the newest key what older ones have sealed, so that those may be thrown away after a start.

    Args:
        database: where the secrets are.
        sealing: what opens and seals them.
        kept: the sealed secrets, each with the id of what it is of.
        replace: one form of a secret by another, unless it has been replaced meanwhile.
    """
    async with database.connection() as connection:
        for owner_id, sealed in await kept(connection):
            try:
                renewed = sealing.renewed(sealed)
            except SealBrokenError:
                logger.warning("secret_unreadable", id=str(owner_id))
                continue
            if renewed is not None:
                await replace(connection, owner_id, sealed, renewed)


def new_secret() -> str:
    """A secret as Standard Webhooks has them: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def own_secret(file: Path, variable: str) -> str:
    """The secret that signs where no webhook has one of its own; made where the file does not exist.

    Args:
        file: where it is.
        variable: by which it was chosen, for the error.

    Raises:
        SystemExit: when it can be neither read nor made, or is none. It is not shown.
    """
    text = _read_or_make(file, variable, new_secret).strip()
    try:
        length = len(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except ValueError:
        length = 0
    if not text.startswith(PREFIX) or length < MIN_SECRET_BYTES:
        raise SystemExit(f"{variable}={file} must hold {PREFIX} and at least {MIN_SECRET_BYTES} bytes in base64.")
    return text


def _read_or_make(file: Path, variable: str, make: Callable[[], str]) -> str:
    """The text of a file that is made where it is missing.

    Raises:
        SystemExit: when it can be neither read nor made.
    """
    try:
        return key_files.read_or_make(file, lambda: make().encode() + b"\n").decode()
    except (OSError, UnicodeDecodeError) as error:
        # What cannot be decoded may be part of a secret, so the error is named and not shown.
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SystemExit(f"{variable}={file} can be neither read nor made: {why}") from None
