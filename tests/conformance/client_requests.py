"""Tools of the suite that ask the client back while they run, or send it words: the revision 2025-11-25's way."""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import CallToolRequestParams, CallToolResult, SamplingMessage, TextContent

Context = ServerRequestContext[Any, Any]
THREE = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
FORMS: dict[str, dict[str, Any]] = {
    "test_elicitation": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": {"type": "string", "enum": THREE},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": THREE}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
}


async def elicit(context: Context, params: CallToolRequestParams) -> CallToolResult:
    message = str((params.arguments or {}).get("message", "Please say"))
    schema = {"type": "object", "properties": FORMS[params.name], "required": []}
    told = await context.session.elicit_form(message, schema, context.request_id)
    said = f"User response: action={told.action}, content={told.content}"
    return CallToolResult(content=[TextContent(text=said)])


async def sample(context: Context, params: CallToolRequestParams) -> CallToolResult:
    message = SamplingMessage(role="user", content=TextContent(text=str((params.arguments or {}).get("prompt", ""))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        told = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    return CallToolResult(content=[TextContent(text=f"LLM response: {getattr(told.content, 'text', '')}")])


async def log(context: Context, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await context.session.send_log_message("info", words, related_request_id=context.request_id)


TOOLS: dict[str, Callable[[Context, CallToolRequestParams], Awaitable[Any]]] = {
    **dict.fromkeys(FORMS, elicit),
    "test_sampling": sample,
}
