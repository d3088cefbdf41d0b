"""What one asks of the values of tools besides their fields; the generated models inherit it."""

FINAL_STATUSES = ("success", "failed", "cancelled", "rejected", "expired")


class Invocation:
    """What the status of an invocation means."""

    __slots__ = ()
    status: str

    @property
    def ended(self) -> bool:
        """True once its status is final."""
        return self.status in FINAL_STATUSES

    @property
    def awaits_approval(self) -> bool:
        """True while humans are asked; it goes on by itself once they have approved it."""
        return self.status == "awaiting_approval"

    @property
    def succeeded(self) -> bool:
        """True when the tool ran and gave a result."""
        return self.status == "success"
