"""What a health check answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the services answer: `serving`, or `not_serving` and the like."""

    status: str

    @property
    def healthy(self) -> bool:
        """True when everything that the door leads to is ready."""
        return self.status == "serving"
