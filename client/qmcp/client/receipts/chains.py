"""Follows the chains of receipts: each one's place, the digest before it, and the digest that every place has."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_DIGEST_BYTES = 32


@dataclass(slots=True)
class _Run:
    """Receipts of a chain that follow each other without a gap; digests packed, because exports hold millions."""

    first: int
    digests: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.first + len(self.digests) // _DIGEST_BYTES


@dataclass(slots=True)
class Chain:
    """What has been seen of one chain."""

    id: str
    runs: list[_Run]
    # The digest of the receipt seen last, as it stands.
    head: str = ""
    # Where a receipt's digest does not fit its content, either of the two may be the one that was changed.
    recomputed: dict[int, str] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)

    @property
    def first(self) -> int:
        """The first place seen."""
        return self.runs[0].first

    @property
    def end(self) -> int:
        """One past the last place seen."""
        return self.runs[-1].end

    def digests_at(self, sequence: int) -> tuple[str, ...]:
        """The digests that the receipt at this place may have; none where it is not in the export."""
        for run in self.runs:
            if run.first <= sequence < run.end:
                start = (sequence - run.first) * _DIGEST_BYTES
                stored = run.digests[start : start + _DIGEST_BYTES].hex()
                return (stored, self.recomputed[sequence]) if sequence in self.recomputed else (stored,)
        return ()

    def gaps(self) -> Iterator[tuple[int, int]]:
        """The first and last place of every gap, those left out that came later."""
        for before, after in zip(self.runs, self.runs[1:], strict=False):
            gap = range(before.end, after.first)
            if len(gap) > sum(sequence in gap for sequence in self.late):
                yield gap[0], gap[-1]


class Chains:
    """All chains of an export, fed in its order."""

    def __init__(self, *, from_start: bool) -> None:
        """`from_start` is False for an export of a time, whose chains may begin past their first receipt."""
        self._from_start = from_start
        self._chains: dict[str, Chain] = {}
        self._current = ""

    def __iter__(self) -> Iterator[Chain]:
        return iter(self._chains.values())

    def get(self, chain_id: str) -> Chain | None:
        """The chain of this id; None where the export has no receipt of it."""
        return self._chains.get(chain_id)

    def follow(self, receipt: dict[str, Any], recomputed: str) -> str | None:
        """Takes the next receipt of an export and says how it fails to follow the one before it, if it does.

        Gaps are not told here but at the end, by `Chain.gaps`: what is missing may come later, out of order.
        """
        chain_id, sequence, digest = receipt["chain_id"], receipt["sequence"], receipt["digest"]
        chain = self._chains.get(chain_id)
        if chain is None:
            chain = self._chains[chain_id] = Chain(chain_id, [_Run(1 if self._from_start else sequence)])
            detached = ""
        else:
            detached = "" if chain_id == self._current else "it stands apart from the others of its chain"
        self._current = chain_id
        if sequence < chain.end or sequence < 1:
            if sequence < 1 or sequence in chain.late or chain.digests_at(sequence):
                return f"place {sequence} of the chain is taken already, or none"
            chain.late.add(sequence)
            return f"place {sequence} comes after place {chain.end - 1}"
        wrong_link = self._wrong_link(chain, sequence, receipt["previous_digest"])
        _append(chain, sequence, digest, recomputed)
        return wrong_link or detached or None

    def _wrong_link(self, chain: Chain, sequence: int, previous: str) -> str:
        if sequence == 1:
            origin = hashlib.sha256(chain.id.encode()).hexdigest()
            return "" if previous == origin else f"the chain begins with {previous!r} instead of {origin!r}"
        if previous == chain.head and sequence == chain.end:
            return ""
        before = chain.digests_at(sequence - 1)
        if not before or previous in before:
            return ""
        return f"the digest before it is {before[0]}, it follows {previous!r}"


def _append(chain: Chain, sequence: int, digest: str, recomputed: str) -> None:
    if sequence > chain.end:
        chain.runs.append(_Run(sequence))
    try:
        raw = bytes.fromhex(digest)
    except ValueError:
        raw = b""
    # A digest that is no digest at all is a fault of its row already; the place it takes is kept.
    chain.runs[-1].digests += raw if len(raw) == _DIGEST_BYTES else bytes(_DIGEST_BYTES)
    chain.head = digest
    if recomputed != digest:
        chain.recomputed[sequence] = recomputed
