"""What came of telling somebody, by HTTP or mail."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What came of one try."""

    # The status, of HTTP or SMTP; 0 where there was no answer.
    status: int
    # Why it failed; empty where the receiver has taken it.
    error: str = ""
    # How long the receiver asks to be left alone, seconds.
    retry_after: float = 0
    # Whether trying again is of no use, whatever the status says.
    is_final: bool = False
