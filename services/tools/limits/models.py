"""The nouns of limits: how often some tools may be invoked by some callers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit.call_buckets import Allowance, Bucket, Window
from servicekit.identity.principal import Principal
from servicekit.identity.scopes import Scope
from services.tools.models import Tool


@dataclass(frozen=True, slots=True)
class InvocationRate:
    """So many a minute, which come back by and by; so many at once."""

    per_minute: int
    burst: int = 0


@dataclass(frozen=True, slots=True)
class InvocationQuota:
    """So many in a window of the calendar."""

    invocations: int
    window: Window


@dataclass(frozen=True, slots=True)
class ToolLimit:
    """A limit as it stands; the fields are those of tool_limit.proto."""

    name: str
    # The tools it is for.
    scope: Scope
    allowed: InvocationRate | InvocationQuota
    principals: Sequence[str] = ()
    roles: Sequence[str] = ()
    per_tool: bool = False
    per_principal: bool = False
    reason: str = ""
    etag: str = ""
    created_by: str = ""
    created_at: datetime | None = None
    updated_by: str = ""
    updated_at: datetime | None = None
    # What its buckets are named by.
    id: UUID = field(default_factory=uuid.uuid7)

    def is_for(self, caller: Principal, tool: Tool) -> bool:
        """Whether it is for invocations of a tool by a caller."""
        callers = not (self.principals or self.roles) or (
            caller.name in self.principals or not caller.roles.isdisjoint(self.roles)
        )
        return callers and self.scope.covers(tool.name, tool.tags, tool.labels)

    def bucket(self, caller: Principal, tool: Tool) -> Bucket:
        """From what an invocation of a tool by a caller takes."""
        # Neither windows nor names of tools have spaces.
        whose = f"{tool.name if self.per_tool else ''} {caller.name if self.per_principal else ''}"
        if isinstance(self.allowed, InvocationQuota):
            window = self.allowed.window
            return Bucket(f"{self.id} {window} {whose}", self.allowed.invocations, window=window)
        rate = self.allowed
        return Bucket(f"{self.id} minute {whose}", rate.burst or rate.per_minute, rate.per_minute)


@dataclass(frozen=True, slots=True)
class Charge:
    """What an invocation takes of a limit."""

    limit: ToolLimit
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class ToolAllowance:
    """What a limit leaves a caller of a tool's invocations."""

    limit: ToolLimit
    allowance: Allowance
