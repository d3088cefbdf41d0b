"""Tools as an MCP server lists them, made tools of the catalogue: names bounded and unique, schemas as they are."""

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from servicekit.errors import ServiceError
from servicekit.masking import Mask
from services.tools.audit.outcome import storable
from services.tools.catalogue import definitions
from services.tools.mcp_servers.models import McpServer, RefusedTool
from services.tools.models import Annotations, Json, McpSource, Tool

if TYPE_CHECKING:
    import mcp_types as types

# As the catalogue takes them.
MAX_NAME, MAX_TITLE, MAX_DESCRIPTION = 64, 128, 8_192
NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
DOTS = {".", ".."}
DIGITS = 8
MAX_REASON = 300


def plain_name(server: str, tool: str) -> str:
    """`server/tool` where that is a name of the catalogue; else one that tells it from all others."""
    name = f"{server}/{tool}"
    is_a_name = NAME.fullmatch(name) and len(name) <= MAX_NAME and DOTS.isdisjoint(name.split("/"))
    return name if is_a_name else distinct_name(server, tool)


def distinct_name(server: str, tool: str) -> str:
    """The same for one whose plain name is none or is taken: its beginning, and a digest of the whole."""
    digest = hashlib.sha256(tool.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    head = f"{server}/{NO_NAME.sub('_', tool)}"[: MAX_NAME - DIGITS - 1]
    return f"{head}-{digest}"


def definition(server: McpServer, listed: "types.Tool", mask: Mask) -> Tool | RefusedTool:
    """A tool with the settings that its server's tools have, or why the catalogue does not take it."""
    if _text(listed.name, mask) != listed.name:
        return RefusedTool(_text(listed.name, mask)[:MAX_TITLE], "its name cannot be written down")
    # Whoever has a list has imported it; nobody else need.
    from mcp_types import ToolAnnotations  # noqa: PLC0415

    hints = listed.annotations or ToolAnnotations()
    try:
        tool = Tool(
            name=plain_name(server.name, listed.name),
            kind="mcp",
            title=_text(listed.title or hints.title or "", mask)[:MAX_TITLE],
            description=_text(listed.description or "", mask)[:MAX_DESCRIPTION],
            input_schema=_schema(listed.input_schema, mask),
            output_schema=None if listed.output_schema is None else _schema(listed.output_schema, mask),
            annotations=Annotations(
                read_only=bool(hints.read_only_hint),
                # What the protocol takes for granted where nothing is said.
                destructive=hints.destructive_hint is not False and not hints.read_only_hint,
                idempotent=bool(hints.idempotent_hint),
                open_world=hints.open_world_hint is not False,
            ),
            timeout_seconds=server.timeout_seconds,
            max_concurrency=server.max_concurrency,
            source=McpSource(server.name, listed.name, server.digest),
            approval=server.approval,
        )
        return definitions.checked(tool)
    except (ServiceError, ValueError, TypeError, AttributeError, RecursionError) as error:
        why = error.message if isinstance(error, ServiceError) else str(error)
        return RefusedTool(_text(listed.name, mask)[:MAX_TITLE], _text(why, mask)[:MAX_REASON])


def with_settings(tool: Tool, server: McpServer) -> Tool:
    """A tool with its server's settings, where it has none of its own."""
    if tool.own_settings:
        return tool
    return replace(
        tool,
        approval=server.approval,
        timeout_seconds=server.timeout_seconds,
        max_concurrency=server.max_concurrency,
    )


def _text(text: str, mask: Mask) -> str:
    return storable(mask.text(text))


def _schema(schema: dict[str, Any], mask: Mask) -> Json:
    return mask.json_value(schema)
