"""Checkpoints: signed statements of where the chains of receipts stand."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from servicekit import key_files
from services.tools.audit.models import Archive, Checkpoint, Fault
from services.tools.audit.receipts import timestamp

PEM_END = "-----END PUBLIC KEY-----"
NOTHING_BEFORE = "0" * 64


class SigningKey:
    """The Ed25519 key of this installation."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.key_id = key_id(self.public)

    @classmethod
    def load(cls, file: Path) -> "SigningKey":
        """Reads the key, or makes it where the file does not exist.

        Raises:
            SystemExit: when it can be neither read nor made.
        """
        try:
            private = serialization.load_pem_private_key(key_files.read_or_make(file, _new_pem), password=None)
        except (OSError, ValueError) as error:
            raise SystemExit(
                f"The key that signs receipts cannot be read from {file} ({error}). Set QMCP_TOOLS_RECEIPT_KEY_FILE to "
                "a PEM file with an Ed25519 key: openssl genpkey -algorithm ed25519 -out receipt-key.pem"
            ) from None
        if not isinstance(private, Ed25519PrivateKey):
            raise SystemExit(f"{file} holds a key of another kind; receipts are signed with Ed25519.")
        return cls(private)

    def sign(self, content: str) -> bytes:
        return self._private.sign(content.encode())

    def public_pem(self) -> str:
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.public.public_bytes(encoding, form).decode()


def old_keys(file: Path | None) -> list[Ed25519PublicKey]:
    """The public keys in a PEM file; none where there is no file.

    Raises:
        SystemExit: when the file holds anything else.
    """
    if file is None:
        return []
    try:
        pems = [part + PEM_END for part in file.read_text().split(PEM_END)[:-1]]
        keys = [serialization.load_pem_public_key(pem.strip().encode()) for pem in pems]
    except (OSError, ValueError) as error:
        raise SystemExit(f"QMCP_TOOLS_RECEIPT_OLD_KEYS_FILE={file} cannot be read: {error}") from None
    if not keys or not all(isinstance(key, Ed25519PublicKey) for key in keys):
        raise SystemExit(f"QMCP_TOOLS_RECEIPT_OLD_KEYS_FILE={file} must hold public Ed25519 keys as PEM.")
    return [key for key in keys if isinstance(key, Ed25519PublicKey)]


def key_id(public: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def is_signed(statement: Checkpoint | Archive, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Whether the signature fits the content and one of the keys, which are given by their ids."""
    key = keys.get(statement.key_id)
    if key is None:
        return False
    try:
        key.verify(statement.signature, statement.content.encode())
    except InvalidSignature:
        return False
    return True


class CheckpointVerifier:
    """Checks the checkpoints in order, and tells the receipts' verifier what they say of the chains."""

    def __init__(self, public: Sequence[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in public}
        self._previous = NOTHING_BEFORE
        self._sequence = 0
        self.count = 0
        self.faults: list[Fault] = []
        # The last place of every chain that a checkpoint covers.
        self.covered: dict[str, int] = {}
        # The digest at every place of a chain that a checkpoint names. All of them, not the last: who rewrites a chain
        # has it signed anew within seconds, but what was signed before stays.
        self.stated: dict[tuple[str, int], str] = {}

    def check(self, checkpoint: Checkpoint) -> None:
        self.count += 1
        if not is_signed(checkpoint, self._keys):
            self._fault("SIGNATURE_WRONG", "the signature does not fit the content and the key", checkpoint)
            self._advance(checkpoint)
            return
        content = orjson.loads(checkpoint.content)
        if checkpoint.sequence != self._sequence + 1 or content["sequence"] != checkpoint.sequence:
            self._fault("CHECKPOINT_BROKEN", f"after {self._sequence} comes {checkpoint.sequence}", checkpoint)
        elif content["previous"] != self._previous:
            self._fault("CHECKPOINT_BROKEN", "it does not follow the checkpoint before it", checkpoint)
        elif content["signed_at"] != timestamp(checkpoint.signed_at):
            self._fault("CHECKPOINT_BROKEN", "signed_at is not the time that was signed", checkpoint)
        for chain in content["chains"]:
            self._take(chain["id"], chain["sequence"], chain["digest"], checkpoint)
        self._advance(checkpoint)

    def _take(self, chain_id: str, sequence: int, digest: str, checkpoint: Checkpoint) -> None:
        covered = self.covered.get(chain_id, 0)
        if sequence < covered:
            self._fault("CHECKPOINT_BROKEN", f"the chain {chain_id} had {covered} receipts, now {sequence}", checkpoint)
        if self.stated.setdefault((chain_id, sequence), digest) != digest:
            detail = f"receipt {sequence} of the chain {chain_id} had another digest in an earlier checkpoint"
            self._fault("CHECKPOINT_BROKEN", detail, checkpoint)
        self.covered[chain_id] = max(covered, sequence)

    def _advance(self, checkpoint: Checkpoint) -> None:
        self._previous = hashlib.sha256(checkpoint.content.encode()).hexdigest()
        self._sequence = checkpoint.sequence

    def _fault(self, kind: str, detail: str, checkpoint: Checkpoint) -> None:
        self.faults.append(Fault(kind, detail, sequence=checkpoint.sequence))


def _new_pem() -> bytes:
    """A new key as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
