"""Tools of MCP servers: what a change of one may change, which is how it is run and never what it is."""

from collections.abc import Mapping
from dataclasses import replace

from servicekit.json_values import EXACT
from services.tools import errors
from services.tools.catalogue import definitions
from services.tools.models import Json, McpSource, Tool

DEFINED_THERE = ("title", "description", "input_schema", "output_schema", "annotations", "version")


def with_own_settings(standing: Tool | None, wanted: Tool) -> Tool:
    """The tool with the settings that somebody gives it; they are its own from now on.

    Raises:
        ServiceError: TOOL_DEFINED_BY_SERVER where it would become another tool; SCHEMA_INVALID.
    """
    source = wanted.source
    if standing is None or not isinstance(standing.source, McpSource):
        raise errors.tool_defined_by_server(wanted.name, "register the server, and its tools come with it.")
    if not isinstance(source, McpSource) or (source.server, source.tool) != (
        standing.source.server,
        standing.source.tool,
    ):
        raise errors.tool_defined_by_server(wanted.name, "its `mcp` source stays as it is.")
    for field in DEFINED_THERE:
        if _carried(getattr(wanted, field)) != _carried(getattr(standing, field)):
            why = f"its {field} comes from there. Send it as it is; approval, limits, tags and labels can be changed."
            raise errors.tool_defined_by_server(wanted.name, why)
    return definitions.checked(
        replace(
            standing,
            tags=wanted.tags,
            labels=wanted.labels,
            timeout_seconds=wanted.timeout_seconds,
            max_concurrency=wanted.max_concurrency,
            approval=wanted.approval,
            own_settings=True,
        )
    )


def _carried(value: Json) -> Json:
    """A document with its numbers as a message carries them: as doubles."""
    if isinstance(value, Mapping):
        return {key: _carried(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_carried(item) for item in value]
    return float(value) if type(value) is int and abs(value) >= EXACT else value
