"""The nouns of grants that answers may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class ProposedGrant:
    """What an answer may let the requester do again; the fields are those of request.proto."""

    tools: Sequence[str]
    arguments: Json
    principal: str
    uses: int
    duration_seconds: int
    approvals: int


@dataclass(frozen=True, slots=True)
class GrantOffer:
    """With which answer, and with which permission of whoever answers, the requester may be let do the same again."""

    response: str
    permission: str
    proposed: ProposedGrant | None = None

    @classmethod
    def kept(cls, said: Mapping[str, Any]) -> "GrantOffer":
        """One as the database has it."""
        proposed = said.get("proposed")
        return cls(said["response"], said["permission"], None if proposed is None else ProposedGrant(**proposed))


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What whoever answers lets the requester do again; the fields are those of ResponseGrant."""

    tools: Sequence[str]
    arguments: Json
    uses: int | None
    expires_at: datetime
    any_version: bool
    reason: str
