"""Follows the chains of receipts: each one's place, the digest before it, and the digest that every place has."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qmcp.client.tools.models import ReceiptFault

_DIGEST_BYTES = 32


@dataclass(slots=True)
class _Run:
    """Receipts of a chain that follow each other without a gap; digests packed, because exports hold millions."""

    first: int
    digests: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.first + len(self.digests) // _DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class Archived:
    """Receipts of a chain that follow each other and are in an archive, as a signed statement says."""

    chain_id: str
    first: int
    last: int
    previous: str
    digest: str


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
    # What left for archives, by first place.
    archived: dict[int, Archived] = field(default_factory=dict)

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
        return next(((one.digest,) for one in self.archived.values() if one.last == sequence), ())

    def end_of_run(self, sequence: int) -> int:
        """One past the last place that is there without a gap from this one on; 0 where this one is not there."""
        return next((run.end for run in self.runs if run.first <= sequence < run.end), 0)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """The first and last place of every gap, those left out that came later or are in archives."""
        for before, after in zip(self.runs, self.runs[1:], strict=False):
            gap = range(self.behind_archives(before.end), after.first)
            if len(gap) > sum(sequence in gap for sequence in self.late):
                yield gap[0], gap[-1]

    def behind_archives(self, sequence: int) -> int:
        """The first place from this one on that is in no archive."""
        while (archived := self.archived.get(sequence)) is not None:
            sequence = archived.last + 1
        return sequence

    def unfitting(self) -> Iterator[Archived]:
        """What left for archives and does not follow, or is not, what the export has in its place."""
        for archived in self.archived.values():
            before = self.digests_at(archived.first - 1) if archived.first > 1 else (_origin(self.id),)
            there = self._present(archived.last)
            if (before and archived.previous not in before) or (there and archived.digest not in there):
                yield archived

    def _present(self, sequence: int) -> tuple[str, ...]:
        return self.digests_at(sequence) if any(run.first <= sequence < run.end for run in self.runs) else ()


class Chains:
    """All chains of an export, fed in its order."""

    def __init__(self, *, from_start: bool) -> None:
        """`from_start` is False for an export of a time, whose chains may begin past their first receipt."""
        self._from_start = from_start
        self._chains: dict[str, Chain] = {}
        self._current = ""
        self._archived: dict[str, dict[int, Archived]] = {}

    def leave(self, archived: Archived) -> None:
        """These receipts are in an archive, and may be gone here. Before any receipt is followed."""
        self._archived.setdefault(archived.chain_id, {})[archived.first] = archived

    def not_held(self, archived: Archived) -> Iterator[ReceiptFault]:
        """What is missing, or other than it was, of what an archive that is here must hold."""
        chain = self._chains.get(archived.chain_id)
        if chain is None or not any(run.first <= archived.first and archived.last < run.end for run in chain.runs):
            kind, detail = "RECEIPT_MISSING", f"places {archived.first} to {archived.last} are not all in the archive"
        elif archived.digest not in chain.digests_at(archived.last):
            kind, detail = "ARCHIVE_BROKEN", f"the digest at place {archived.last} is another than when it left"
        else:
            return
        yield ReceiptFault(kind=kind, chain_id=archived.chain_id, sequence=archived.first, detail=detail)

    def archived_end(self, chain_id: str) -> int:
        """One past what left of a chain of which nothing is left."""
        return Chain(chain_id, [_Run(1)], archived=self._archived.get(chain_id, {})).behind_archives(1)

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
            chain = Chain(chain_id, [_Run(1 if self._from_start else sequence)])
            chain.archived = self._archived.get(chain_id, {})
            self._chains[chain_id] = chain
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
            origin = _origin(chain.id)
            return "" if previous == origin else f"the chain begins with {previous!r} instead of {origin!r}"
        if previous == chain.head and sequence == chain.end:
            return ""
        before = chain.digests_at(sequence - 1)
        if not before or previous in before:
            return ""
        return f"the digest before it is {before[0]}, it follows {previous!r}"


def _origin(chain_id: str) -> str:
    """What stands before the first receipt of a chain."""
    return hashlib.sha256(chain_id.encode()).hexdigest()


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
