"""The public keys that a verifier trusts, by the id that checkpoints name them by."""

import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

_PEM_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_KEY_ID_DIGITS = 16
_SIGNATURE_BYTES = 64


class PublicKeys:
    """One or more Ed25519 public keys: more than one where the service has changed its key since the first receipt."""

    def __init__(self, pem: str | bytes) -> None:
        """`pem` holds the keys as PEM blocks, one after the other; ValueError where it does not."""
        blocks = _PEM_BLOCK.findall(pem.encode() if isinstance(pem, str) else pem)
        if not blocks:
            raise ValueError("no PEM public key (-----BEGIN PUBLIC KEY-----) in it")
        self._keys: dict[str, Ed25519PublicKey] = {}
        for block in blocks:
            key = load_pem_public_key(block + b"\n")
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError("a public key in it is not an Ed25519 key")  # noqa: TRY004 - the text is wrong, not the type
            self._keys[key_id(key)] = key

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys."""
        return tuple(self._keys)

    def fault_of(self, signature: str, content: bytes, signer: str) -> str | None:
        """What is wrong with a signature over `content` by the key `signer`; None where it holds."""
        key = self._keys.get(signer)
        if key is None:
            return f"signed by the key {signer!r}, which is not {' or '.join(self._keys)}"
        raw = unhex(signature)
        if raw is None or len(raw) != _SIGNATURE_BYTES:
            return "the signature is not 128 hexadecimal digits"
        try:
            key.verify(raw, content)
        except InvalidSignature:
            return f"the signature is not one of the key {signer} over this content"
        return None


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_KEY_ID_DIGITS]


def unhex(text: str) -> bytes | None:
    """The bytes of lower-case hexadecimal digits; None for anything else, upper case and blanks too."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    # fromhex is more tolerant than a proof may be: every byte of an export has to count.
    return raw if raw.hex() == text else None
