"""The nouns of grants: that a principal may run some tools without a human being asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from servicekit.identity.scopes import Scope
from servicekit.identity.visibility import Audience
from services.tools.models import Json


@dataclass(frozen=True, slots=True)
class ToolGrant:
    """A grant as it stands; the fields are those of grant.proto."""

    id: UUID
    principal: str
    tools: Sequence[str]
    # JSON Schema; None: any arguments.
    arguments: Json
    # None: any number.
    uses: int | None
    expires_at: datetime
    any_version: bool
    reason: str
    created_by: str = ""
    tool_etags: Mapping[str, str] = field(default_factory=dict)
    used: int = 0
    created_at: datetime | None = None
    revoked_by: str = ""
    revoked_at: datetime | None = None
    # With whose approval it was made; empty where by itself.
    invocation_id: str = ""

    @property
    def scope(self) -> Scope:
        """The tools that have one of its names."""
        return Scope.made(self.tools, (), {})

    @property
    def audience(self) -> Audience:
        """Who sees it: whom it is for, and who made it."""
        return Audience((self.principal, self.created_by))


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants are listed."""

    # Empty: anybody's.
    principal: str = ""
    # Only those that can still be used.
    usable: bool = False

    @property
    def fields(self) -> tuple[object, ...]:
        """What a page token is bound to."""
        return (self.principal, self.usable)
