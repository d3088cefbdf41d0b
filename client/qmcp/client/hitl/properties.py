"""What one asks of a human request besides its fields; the generated model inherits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # It imports this module.
    from qmcp.client.hitl.models import HumanResponse


class HumanRequest:
    """How a request stands, and with which arguments to go on."""

    __slots__ = ()
    status: str
    response: HumanResponse | None
    proposed_arguments: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        """True once its status is final."""
        return self.status not in ("", "pending")

    @property
    def responded(self) -> bool:
        """True when people have answered."""
        return self.status == "responded"

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The arguments to go on with: as the human changed them, else as they were proposed."""
        edited = self.response.edited_arguments if self.response else None
        return self.proposed_arguments if edited is None else edited
