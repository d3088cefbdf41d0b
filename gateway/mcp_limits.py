"""How often one address may call by MCP, by method and by tool: what Envoy's filter is told of QMCP_EDGE_MCP_LIMITS."""

import re
from dataclasses import dataclass
from typing import Any

PATH = r"/mcp(\?.*)?"
# Only this revision says in headers what it asks, and only of it the endpoint checks that the body says the same.
REVISION = "2026-07-28"
# What says neither, or not so that it can be told here: clients of before, and names in another form than tools have.
UNNAMED = "unnamed"
CALL = "tools/call"
METHOD = re.compile(r"[a-z]+(/[A-Za-z_]+)*")
# As the contract has names of tools.
TOOL = re.compile(r"[A-Za-z0-9_./-]{1,64}")
ENTRY = re.compile(r"\s*([^=:\s]+)(?::([^=\s]+))?\s*=\s*([1-9][0-9]{0,8})\s*")


@dataclass(frozen=True, slots=True)
class McpLimit:
    """Requests a minute of one address, by each Envoy."""

    # A method of the protocol, or UNNAMED.
    method: str
    # Empty: of all of the method.
    tool: str
    per_minute: int

    @property
    def key(self) -> str:
        """Tells its descriptor from the others."""
        return f"{self.method}:{self.tool}" if self.tool else self.method


def parsed(text: str) -> list[McpLimit]:
    """`tools/call=600, tools/call:send_mail=10, unnamed=60`.

    Raises:
        ValueError: where it is not of that form, or would leave a way around it.
    """
    limits = [_entry(each) for each in text.split(",") if each.strip()]
    keys = [limit.key for limit in limits]
    if repeated := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"{', '.join(sorted(repeated))} is limited twice")
    if limits and UNNAMED not in keys:
        raise ValueError(
            f"what names no method, as clients of 2025-11-25 send it, would be a way around it: add {UNNAMED}=…"
        )
    return limits


def _entry(text: str) -> McpLimit:
    found = ENTRY.fullmatch(text)
    if found is None or not METHOD.fullmatch(found[1]):
        raise ValueError(f"{text.strip()!r} is not METHOD=N, {CALL}:TOOL=N or {UNNAMED}=N, N in requests a minute")
    if found[2] and (found[1] != CALL or not TOOL.fullmatch(found[2])):
        raise ValueError(f"{text.strip()!r}: what can be named is a tool, as {CALL}:send_mail=10")
    return McpLimit(found[1], found[2] or "", int(found[3]))


def rates(limits: list[McpLimit]) -> list[dict[str, Any]]:
    """What makes which descriptors of a request: Envoy's `rate_limits`."""
    named = [rate for limit in limits if limit.method != UNNAMED for rate in (_rate(limit.key, _asks(limit)),)]
    return [*named, *(_rate(UNNAMED, [*conditions, _HERE]) for conditions in _UNNAMED)] if limits else []


def descriptors(limits: list[McpLimit]) -> list[dict[str, Any]]:
    """The buckets; one for each address."""
    return [
        {
            "entries": [{"key": "mcp", "value": limit.key}, {"key": "remote_address", "value": ""}],
            "token_bucket": {
                "max_tokens": limit.per_minute,
                "tokens_per_fill": limit.per_minute,
                "fill_interval": "60s",
            },
        }
        for limit in limits
    ]


def _exact(header: str, value: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"exact": value}}


def _like(header: str, regex: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"safe_regex": {"regex": regex}}}


def _never(header: str, regex: str) -> dict[str, Any]:
    """It is not there, or of no such form."""
    return _like(header, regex) | {"invert_match": True, "treat_missing_header_as_empty": True}


def _unlike(text: str) -> str:
    """A regular expression of all but this text."""
    others = [f"{re.escape(text[:place])}[^{re.escape(text[place])}].*" for place in range(len(text))]
    return "|".join((f".{{0,{len(text) - 1}}}", *others, f".{{{len(text) + 1},}}"))


# Streams and ends of sessions ask nothing.
_HERE = _exact(":method", "POST")
_PATH = _like(":path", PATH)
_NAMED = _exact("mcp-protocol-version", REVISION)
_CALLS = _exact("mcp-method", CALL)
# Of several headers of one name any counts for Envoy, and for the endpoint the first: so none may be of another form.
_OTHERS = _unlike(REVISION)
_SOUND = [_NAMED, _never("mcp-protocol-version", _OTHERS)]
# A request is of one of these at most: each takes from the bucket.
_UNNAMED = (
    [_never("mcp-protocol-version", re.escape(REVISION))],
    [_NAMED, _like("mcp-protocol-version", _OTHERS)],
    [*_SOUND, _never("mcp-method", METHOD.pattern)],
    [*_SOUND, _CALLS, _never("mcp-name", TOOL.pattern)],
    [*_SOUND, _CALLS, _like("mcp-name", TOOL.pattern), _like("mcp-name", ".*[^A-Za-z0-9_./-].*|.{65,}")],
)


def _asks(limit: McpLimit) -> list[dict[str, Any]]:
    name = [_exact("mcp-name", limit.tool)] if limit.tool else []
    return [_NAMED, _exact("mcp-method", limit.method), *name, _HERE]


def _rate(key: str, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    matched = {"descriptor_key": "mcp", "descriptor_value": key, "headers": [*conditions, _PATH]}
    return {"actions": [{"header_value_match": matched}, {"remote_address": {}}]}
