"""Secrets at rest: sealed with AES-256-GCM by keys that rotate, each bound to the row that it belongs to."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from servicekit import key_files

KEY_BYTES, NONCE_BYTES, ID_BYTES = 32, 12, 8
# Of what is sealed: this, the id of the key, the nonce, and the text with its tag.
VERSION = b"\x01"
HEAD_BYTES = len(VERSION) + ID_BYTES


class SealBrokenError(Exception):
    """No key opens it: it was sealed by another, for another row, or is not as it was."""


class Sealer:
    """Seals with the first of several keys, and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Takes keys of 32 bytes, the newest first; what seals is derived from them."""
        derived = [HKDF(SHA256(), KEY_BYTES, None, b"qmcp/sealing/1").derive(key) for key in keys]
        self._keys = {hashlib.sha256(key).digest()[:ID_BYTES]: AESGCM(key) for key in derived}
        self._newest = next(iter(self._keys))

    @classmethod
    def load(cls, file: Path, variable: str) -> "Sealer":
        """Reads the keys, a line each, the newest first; makes one where the file does not exist.

        Args:
            file: where they are.
            variable: by which it was chosen, for the error.

        Raises:
            SystemExit: when they can be neither read nor made, or are none. No line is shown.
        """
        try:
            text = key_files.read_or_make(file, lambda: base64.urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
            lines = [line.strip() for line in text.decode().splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            # What cannot be decoded may be part of a secret, so the error is named and not shown.
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SystemExit(f"{variable}={file} can be neither read nor made: {why}") from None
        keys = [_key(line, f"{variable}={file}, line {number}") for number, line in enumerate(lines, 1) if line]
        if not keys:
            raise SystemExit(f"{variable}={file} holds no key. Without the file, one is made.")
        return cls(keys)

    def seal(self, secret: str, row: str) -> bytes:
        """The secret sealed for a row: in another one nothing opens it."""
        head, nonce = VERSION + self._newest, os.urandom(NONCE_BYTES)
        return head + nonce + self._keys[self._newest].encrypt(nonce, secret.encode(), head + row.encode())

    def open(self, sealed: bytes, row: str) -> str:
        """The secret.

        Raises:
            SealBrokenError: when no key has sealed it for this row.
        """
        head, nonce, text = sealed[:HEAD_BYTES], sealed[HEAD_BYTES:][:NONCE_BYTES], sealed[HEAD_BYTES + NONCE_BYTES :]
        key = self._keys.get(head.removeprefix(VERSION))
        if key is None:
            raise SealBrokenError
        try:
            return key.decrypt(nonce, text, head + row.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBrokenError from None

    def renewed(self, sealed: bytes, row: str) -> bytes | None:
        """The same secret sealed with the newest key; None where it is already.

        Raises:
            SealBrokenError: as `open`.
        """
        secret = self.open(sealed, row)
        return None if sealed.startswith(VERSION + self._newest) else self.seal(secret, row)


def _key(line: str, where: str) -> bytes:
    try:
        key = base64.b64decode(line.encode(), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SystemExit(f"{where}, is no key: 32 bytes in URL-safe base64.")
    return key
