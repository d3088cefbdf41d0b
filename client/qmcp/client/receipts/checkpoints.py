"""Checks the signed checkpoints of an export: their signatures, how they follow each other, and what they cover."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from qmcp.client.receipts.canonical import canonical
from qmcp.client.receipts.chains import Chains
from qmcp.client.receipts.keys import PublicKeys
from qmcp.client.receipts.shapes import fields_of
from qmcp.client.tools.models import ReceiptFault

_FIELDS = {"sequence": int, "signed_at": str, "content": str, "signature": str, "key_id": str}
_CONTENT_KEYS = {"chains", "previous", "sequence", "signed_at"}
_HEAD_KEYS = {"digest", "id", "sequence"}
_NO_CHECKPOINT = "0" * 64
_TIME = re.compile(r"(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One line of an export that holds a checkpoint."""

    sequence: int
    signed_at: str
    content: str
    signature: str
    key_id: str


def read_checkpoint(line: dict[str, Any]) -> Checkpoint:
    """The checkpoint of an export line; ValueError where it has not the shape of one."""
    return Checkpoint(**fields_of(line, "checkpoint", _FIELDS))


class CheckpointTrail:
    """The checkpoints of an export in their order, checked one by one against each other and against the chains."""

    def __init__(self, keys: PublicKeys, chains: Chains, *, from_start: bool, to_end: bool) -> None:
        """`from_start` and `to_end` are False for an export of a time, which may lack what lies outside of it."""
        self._keys = keys
        self._chains = chains
        self._from_start = from_start
        self._to_end = to_end
        self._previous: Checkpoint | None = None
        self._heads: dict[str, int] = {}
        # The highest place of every chain that a sound signature covers.
        self.covered: dict[str, int] = {}
        # Every place of a chain that the export has and a sound signature names.
        self.signed: defaultdict[str, list[int]] = defaultdict(list)

    def check(self, checkpoint: Checkpoint) -> Iterator[ReceiptFault]:
        """Every fault of one checkpoint; call it for all of them in the order of the export, then `missing_tails`."""
        content = checkpoint.content.encode()
        wrong = self._keys.fault_of(checkpoint.signature, content, checkpoint.key_id)
        if wrong:
            yield _fault(checkpoint, wrong, kind="SIGNATURE_WRONG")
        stated = _stated(content)
        before, self._previous = self._previous, checkpoint
        for detail in self._misplaced(before, checkpoint):
            yield _fault(checkpoint, detail)
        if stated is None:
            yield _fault(checkpoint, "the content is not the canonical JSON of a checkpoint")
            return
        for detail in self._disagreements(before, checkpoint, stated):
            yield _fault(checkpoint, detail)
        for head in stated["chains"]:
            yield from self._check_head(checkpoint, head, signed=not wrong)

    def missing_tails(self) -> Iterator[ReceiptFault]:
        """Receipts that a checkpoint states and the export lacks at the end of a chain, or a whole chain."""
        for chain_id, head in self._heads.items():
            chain = self._chains.get(chain_id)
            if chain is None and not self._from_start:
                continue
            end = self._chains.archived_end(chain_id) if chain is None else chain.behind_archives(chain.end)
            if self._to_end and head >= end:
                detail = f"a checkpoint states the chain up to place {head}, the export ends before place {end}"
                yield ReceiptFault(kind="RECEIPT_MISSING", chain_id=chain_id, sequence=end, detail=detail)

    def _misplaced(self, before: Checkpoint | None, checkpoint: Checkpoint) -> Iterator[str]:
        if before is None:
            if self._from_start and checkpoint.sequence != 1:
                yield f"the first checkpoint is number {checkpoint.sequence}"
        elif checkpoint.sequence != before.sequence + 1:
            yield f"number {checkpoint.sequence} follows number {before.sequence}"

    def _disagreements(
        self,
        before: Checkpoint | None,
        checkpoint: Checkpoint,
        stated: dict[str, Any],
    ) -> Iterator[str]:
        if before or self._from_start:
            expected = hashlib.sha256(before.content.encode()).hexdigest() if before else _NO_CHECKPOINT
            if stated["previous"] != expected:
                yield f"it follows {stated['previous']!r}, the checkpoint before it has {expected!r}"
        if stated["sequence"] != checkpoint.sequence:
            yield f"the content says number {stated['sequence']}, the line {checkpoint.sequence}"
        if stated["signed_at"] != checkpoint.signed_at and stated["signed_at"] != _microseconds(checkpoint.signed_at):
            yield f"the content was signed at {stated['signed_at']!r}, the line says {checkpoint.signed_at!r}"

    def _check_head(self, checkpoint: Checkpoint, head: dict[str, Any], *, signed: bool) -> Iterator[ReceiptFault]:
        chain_id, sequence, digest = head["id"], head["sequence"], head["digest"]
        before = self._heads.get(chain_id, 0)
        if sequence < before:
            yield _fault(checkpoint, f"chain {chain_id} stands at {sequence}, an earlier one had it at {before}")
        self._heads[chain_id] = max(before, sequence)
        chain = self._chains.get(chain_id)
        digests = chain.digests_at(sequence) if chain else ()
        if digests and digest not in digests:
            detail = f"it states the digest {digest} at place {sequence} of the chain, which has {digests[0]}"
            yield _fault(checkpoint, detail, chain_id=chain_id)
        elif signed and chain:
            if digests:
                self.signed[chain_id].append(sequence)
            self.covered[chain_id] = max(self.covered.get(chain_id, 0), sequence)


def _stated(content: bytes) -> dict[str, Any] | None:
    try:
        stated = orjson.loads(content)
    except ValueError:
        return None
    if type(stated) is not dict or stated.keys() != _CONTENT_KEYS or canonical(stated) != content:
        return None
    heads = stated["chains"]
    if type(heads) is not list or not all(type(head) is dict and head.keys() == _HEAD_KEYS for head in heads):
        return None
    if not all(type(head["id"]) is str and type(head["sequence"]) is int for head in heads):
        return None
    ids = [head["id"] for head in heads]
    return stated if ids == sorted(set(ids)) else None


def _fault(checkpoint: Checkpoint, detail: str, *, kind: str = "CHECKPOINT_BROKEN", chain_id: str = "") -> ReceiptFault:
    number = checkpoint.sequence
    return ReceiptFault(kind=kind, chain_id=chain_id, sequence=number, detail=f"checkpoint {number}: {detail}")


def _microseconds(time: str) -> str:
    match = _TIME.fullmatch(time)
    return f"{match[1]}.{match[2] or '':0<6}Z" if match else time
