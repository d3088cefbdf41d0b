"""Limits of MCP are read as they are written, or refused before the edge starts."""

import pytest

from gateway.mcp_limits import McpLimit, parsed


def test_limits_are_of_a_method_of_a_tool_and_of_what_names_neither() -> None:
    assert parsed("") == []
    assert parsed("tools/call=600, tools/call:mail/send=10,unnamed=60") == [
        McpLimit("tools/call", "", 600),
        McpLimit("tools/call", "mail/send", 10),
        McpLimit("unnamed", "", 60),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tools/call=600", "way around"),
        ("tools/call:mail=10,tools/call:mail=20,unnamed=1", "twice"),
        ("tools/call=0,unnamed=1", "is not METHOD=N"),
        ("tools/call,unnamed=1", "is not METHOD=N"),
        ("Tools=1,unnamed=1", "is not METHOD=N"),
        ("prompts/get:interview=1,unnamed=1", "what can be named is a tool"),
        ("tools/call:a b=1,unnamed=1", "is not METHOD=N"),
    ],
)
def test_what_is_no_limit_or_leaves_a_way_around_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(text)
