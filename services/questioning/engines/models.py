"""Banks that are kept, and what their interviews say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from servicekit.identity.visibility import Audience
from services.questioning.models import BankRef


@dataclass(frozen=True, slots=True)
class BankVersion:
    """One version of a bank that is kept."""

    id: str
    owner: str
    name: str
    version: int
    # None in lists.
    document: Mapping[str, Any] | None
    # 0 where somebody wrote it.
    learned_from: int
    interviews: int
    created_at: datetime
    accepted_by: str
    accepted_at: datetime | None

    @property
    def status(self) -> str:
        return "proposed" if self.accepted_at is None else "accepted"

    @property
    def ref(self) -> BankRef:
        return BankRef(self.id, self.name, self.version)

    @property
    def audience(self) -> Audience:
        """Who sees it: whose it is."""
        return Audience((self.owner,))


@dataclass(frozen=True, slots=True)
class Counted:
    """How often one answer was given to one question where one hypothesis held."""

    question: str
    hypothesis: str
    # Empty: nobody knew.
    option: str
    number: int
