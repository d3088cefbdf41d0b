"""The nouns of imports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.tools.models import Tool

Change = Literal["added", "changed", "breaking", "gone", "unchanged", "refused"]


class UnfitError(ValueError):
    """An operation that cannot be a tool; the message is for whoever imports it."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is to be imported; the fields are those of tools_service.proto."""

    name: str
    document: str
    url: str
    server_url: str = ""
    tags: Sequence[str] = ()
    paths: Sequence[str] = ()
    methods: Sequence[str] = ()
    # By security scheme: the name of a secret.
    secrets: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as a tool, or why it is none."""

    # `GET /pets/{id}`.
    name: str
    # None: it cannot be one.
    tool: Tool | None
    refusal: str = ""
    # What is left out, or is taken more widely than the document says.
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ImportedTool:
    """What becomes of one operation, or of a tool that is gone."""

    tool_name: str
    operation: str
    change: Change
    details: Sequence[str] = ()
    notes: Sequence[str] = ()
    # As it shall be; None where it is gone or refused.
    tool: Tool | None = None


@dataclass(frozen=True, slots=True)
class ToolImport:
    """An import, and how it differs from the one before."""

    name: str
    title: str
    tools: Sequence[ImportedTool]
    etag: str
    applied: bool = False
