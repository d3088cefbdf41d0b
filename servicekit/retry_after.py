"""How long somebody who was called asks to be left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(retry_after: str) -> float:
    """The header `Retry-After` in seconds from now, whichever of its two forms it has; 0 for anything else."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        # A date without a zone cannot be compared.
        return 0.0
