"""What the original's client answered with: classes that callers make for themselves, too."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


def _unsaid() -> None:
    """What a field is of which an answer says nothing."""


class Row(dict[str, Any]):
    """An answer: its fields by name, as `row["id"]` or `row.id`."""

    def __getattr__(self, name: str) -> Any:
        """The field of this name."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets the field, whichever way it is read."""
        self[name] = value


# The original's classes, which callers make for their own tests, too: dataclasses whose fields stand in the dictionary.
@dataclass(eq=False)
class ToolDefinition(Row):
    """A tool, as callers see it."""

    name: str
    description: str
    input_schema: dict[str, Any] | None = field(default_factory=_unsaid)


@dataclass(eq=False)
class ToolResult(Row):
    """What a call ended with; `error` is None where the tool succeeded."""

    result: Any
    error: str | None
    invocation_id: str


@dataclass(eq=False)
class HumanRequest(Row):
    """A question to people; the answer to its creation says less of it than the later ones."""

    id: str
    request_type: str
    prompt: str
    status: str
    created_at: str
    expires_at: str | None = field(default_factory=_unsaid)
    options: list[str] | None = field(default_factory=_unsaid)
    context: dict[str, Any] | None = field(default_factory=_unsaid)
    timeout_seconds: int | None = field(default_factory=_unsaid)
    correlation_id: str | None = field(default_factory=_unsaid)


@dataclass(eq=False)
class HumanResponse(Row):
    """What somebody answered."""

    id: str
    request_id: str
    response: str
    responded_by: str | None
    created_at: str
    response_metadata: dict[str, Any] | None = field(default_factory=_unsaid)


class AnsweredRequest(NamedTuple):
    """A request and its answer, None as long as there is none: a pair, whose parts have names."""

    request: HumanRequest
    response: HumanResponse | None

    def __getitem__(self, part: Any) -> Any:
        """By its name, or by its place."""
        return getattr(self, part) if isinstance(part, str) else tuple.__getitem__(self, part)
