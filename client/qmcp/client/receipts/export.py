"""Reads an export of receipts line by line and gathers every fault in it."""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import chain as chained
from typing import Any

import orjson
from qmcp.client.receipts.archives import ArchiveTrail, number, read_archive
from qmcp.client.receipts.chains import Archived, Chains
from qmcp.client.receipts.checkpoints import Checkpoint, CheckpointTrail, read_checkpoint
from qmcp.client.receipts.keys import PublicKeys
from qmcp.client.receipts.rows import check_row, read_receipt
from qmcp.client.tools.models import ReceiptFault
from qmcp.client.tools.verification import ReceiptVerification

# More than anybody reads; the count goes on.
MAX_FAULTS = 1000
_ID = re.compile(rb'"id":\s*"([^"]{1,64})"')


class ExportVerifier:
    """Takes the lines of an export one by one, so that it can be verified while it is downloaded."""

    def __init__(
        self,
        keys: PublicKeys,
        *,
        from_start: bool = True,
        to_end: bool = True,
        archives: Collection[int] = (),
        gapless: bool = True,
        of: str = "",
    ) -> None:
        """`from_start` and `to_end` are False for an export of a time, which may lack what lies outside of it.

        `archives` are the numbers of those that are joined to it: what left for these must be there, too. `gapless` is
        False for an archive by itself, whose neighbours are elsewhere.

        `of` names the principal whose receipts alone are enough: such an export has gaps, and what was taken out of
        it leaves gaps as well. Empty: an export with gaps is a fault, whatever it says of itself.
        """
        self._of = of
        self._of_one = False
        self._principals: set[str] = set()
        self._gapless = gapless
        self._joined = frozenset(archives)
        self._expected: list[Archived] = []
        self._chains = Chains(from_start=from_start)
        self._trail = CheckpointTrail(keys, self._chains, from_start=from_start, to_end=to_end)
        self._archives = ArchiveTrail(keys)
        self._checkpoints: list[Checkpoint] = []
        self._ended: list[tuple[str, int, str]] = []
        self._faults: list[ReceiptFault] = []
        self._fault_count = 0
        self._redacted = 0
        self._line = 0
        self._done = False
        self.receipts = 0

    def take(self, line: bytes) -> None:
        """Checks one line. Nothing in it raises: whatever is wrong with it becomes a fault."""
        self._line += 1
        if self._done:
            self._fault("CHAIN_BROKEN", f"line {self._line} stands after the end of the export")
            return
        try:
            parsed = orjson.loads(line)
            if type(parsed) is not dict:
                raise TypeError("it is not a JSON object")  # noqa: TRY301 - one place tells all that is unreadable
            self._take_parsed(parsed)
        # Hostile input ends in many exceptions of three kinds, a nesting too deep among them.
        except (ValueError, TypeError, RecursionError, KeyError) as unreadable:
            named = _ID.search(line)
            self._fault(
                "CONTENT_CHANGED",
                f"line {self._line} cannot be read: {unreadable}",
                invocation_id=named[1].decode(errors="replace") if named else "",
            )

    def finish(self) -> ReceiptVerification:
        """What the whole export came to; call it after the last line."""
        for chain in self._chains:
            for archived in () if self._of_one else chain.unfitting():
                detail = f"what left from place {archived.first} to {archived.last} does not fit what is here"
                self._fault("ARCHIVE_BROKEN", detail, chain_id=chain.id, sequence=archived.first)
            for first, last in chain.gaps() if self._gapless and not self._of_one else ():
                places = f"place {first} is" if first == last else f"places {first} to {last} are"
                self._fault("RECEIPT_MISSING", f"{places} missing", chain_id=chain.id, sequence=first)
        for expected in self._expected:
            self._add(self._chains.not_held(expected))
        for checkpoint in self._checkpoints:
            self._add(self._trail.check(checkpoint))
        if not self._of_one:
            self._add(self._trail.missing_tails())
        elif self._principals - {self._of}:
            self._fault("CHAIN_BROKEN", f"the export says that it is of {self._of} alone, and holds what others did")
        if not self._done:
            self._fault("RECEIPT_MISSING", f"the export was cut off after line {self._line}: its last line is missing")
        unsigned = [time for chain, sequence, time in self._ended if not self._is_signed(chain, sequence)]
        return ReceiptVerification(
            valid=self._fault_count == 0,
            receipts_verified=self.receipts,
            checkpoints_verified=len(self._checkpoints),
            receipts_unsigned=len(unsigned),
            fault_count=self._fault_count,
            faults=tuple(self._faults),
            receipts_redacted=self._redacted,
            of=self._of if self._of_one else "",
            unsigned_since=_time(min(unsigned, default="")),
        )

    def _take_parsed(self, line: dict[str, Any]) -> None:
        if "receipt" in line:
            self._take_receipt(line)
        elif "archive" in line:
            self._take_archive(line)
        elif "checkpoint" in line:
            self._checkpoints.append(read_checkpoint(line))
        elif line.get("done") is True:
            self._done = True
            if "principal" in line:
                self._take_of_one(line.pop("principal"))
            if line.keys() != {"done", "count"} or type(line["count"]) is not int or line["count"] != self.receipts:
                detail = f"the export says it holds {line.get('count')!r} receipts, it holds {self.receipts}"
                self._fault("RECEIPT_MISSING", detail)
        else:
            raise ValueError("it is neither a receipt nor a checkpoint nor an archive nor the end")

    def _take_of_one(self, principal: object) -> None:
        """The export says that it is of one principal alone; whoever verifies it must have said that before."""
        self._of_one = principal == self._of != ""
        if not self._of_one:
            detail = f"the export is of {principal!r} alone, so whether receipts were taken out of it cannot be told"
            self._fault("RECEIPT_MISSING", detail)

    def _is_signed(self, chain_id: str, sequence: int) -> bool:
        """Whether a signature covers the receipt: that of a place further on, where all between the two is there."""
        if not self._of_one:
            return sequence <= self._trail.covered.get(chain_id, 0)
        chain = self._chains.get(chain_id)
        end = chain.end_of_run(sequence) if chain else 0
        return any(sequence <= place < end for place in self._trail.signed.get(chain_id, ()))

    def _take_receipt(self, line: dict[str, Any]) -> None:
        row, receipt = read_receipt(line)
        chain_id, sequence = receipt["chain_id"], receipt["sequence"]
        self.receipts += 1
        checked = check_row(row, receipt)
        self._redacted += checked.redacted
        faults = checked.faults
        broken = self._chains.follow(receipt, checked.digest)
        if broken:
            faults = (*faults, ("CHAIN_BROKEN", broken))
        if self._checkpoints:
            faults = (*faults, ("CHAIN_BROKEN", "it stands after a checkpoint"))
        for kind, detail in faults:
            self._fault(kind, detail, invocation_id=str(row.get("id", "")), chain_id=chain_id, sequence=sequence)
        self._principals.add(str(row.get("principal", "")))
        self._ended.append((chain_id, sequence, str(row.get("completed_at", ""))))

    def _take_archive(self, line: dict[str, Any]) -> None:
        left, faults = self._archives.take(read_archive(line))
        self._add(faults)
        if self.receipts:
            self._fault("ARCHIVE_BROKEN", "a statement of what left stands after receipts")
        for archived in left:
            if line["archive"]["sequence"] in self._joined:
                self._expected.append(archived)
            else:
                self._chains.leave(archived)

    def _fault(self, kind: str, detail: str, *, invocation_id: str = "", chain_id: str = "", sequence: int = 0) -> None:
        self._add(
            [ReceiptFault(kind=kind, invocation_id=invocation_id, chain_id=chain_id, sequence=sequence, detail=detail)]
        )

    def _add(self, faults: Iterable[ReceiptFault]) -> None:
        for fault in faults:
            self._fault_count += 1
            if len(self._faults) < MAX_FAULTS:
                self._faults.append(fault)


def verify_export(
    lines: Iterable[bytes],
    keys: PublicKeys,
    *,
    from_start: bool = True,
    to_end: bool = True,
    archives: Collection[int] = (),
    of: str = "",
) -> ReceiptVerification:
    """Verifies an export. Blank lines are passed over; the rest is as ExportVerifier has it."""
    verifier = ExportVerifier(keys, from_start=from_start, to_end=to_end, archives=archives, of=of)
    for line in lines:
        if not line.isspace() and line:
            verifier.take(line)
    return verifier.finish()


def verify_archive(archive: Iterable[bytes], keys: PublicKeys) -> ReceiptVerification:
    """Verifies an archive by itself: that it holds all that its signed statement says, as it was recorded.

    Raises:
        ValueError: where it is no archive.
    """
    lines = iter(line for line in archive if line and not line.isspace())
    first = next(lines, b"{}")
    verifier = ExportVerifier(keys, from_start=False, to_end=False, archives=[number([first])], gapless=False)
    for line in chained([first], lines):
        verifier.take(line)
    return verifier.finish()


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
