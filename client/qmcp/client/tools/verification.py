"""What a verification of receipts found, by the service itself or here."""

from dataclasses import dataclass
from datetime import datetime

from qmcp.client.tools.models import ReceiptFault


@dataclass(frozen=True, slots=True)
class ReceiptVerification:
    """What a verification of receipts found."""

    valid: bool
    receipts_verified: int
    checkpoints_verified: int
    # The newest, which no checkpoint covers yet.
    receipts_unsigned: int
    fault_count: int
    faults: tuple[ReceiptFault, ...] = ()
    # These two only where the verification ran here: how many receipts have an erased field, and since when
    # receipts are unsigned. More than a minute ago means that the service does not sign, or that signatures were cut.
    receipts_redacted: int | None = None
    unsigned_since: datetime | None = None
    # The principal whose receipts alone these are: whether others were taken out, nobody can say. Empty: all are there.
    of: str = ""
