"""What the suite asks of a server and no catalogue has: handlers around the product's own, for a server of the suite's.

They say what the suite wants to hear; how it travels, is sealed, is refused and becomes a task is the product's.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SamplingMessage,
    TextContent,
    TextResourceContents,
    Tool,
)

from gateway.mcp.clients import TASKS, client_of
from tests.conformance import client_requests, two_questions
from tests.conformance.tools import PNG

Context = ServerRequestContext[Any, Any]
Answer = Callable[[Context, CallToolRequestParams], Awaitable[Any]]
PICTURE = base64.b64encode(PNG).decode()
ADDRESSED = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


def text(said: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=said)])


def form(message: str, **properties: dict[str, Any]) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(words: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=words))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


NAME = {"name": {"type": "string"}}
ROUNDS: dict[str, dict[str, Any]] = {
    "test_input_required_result_elicitation": {"user_name": form("What is your name?", **NAME)},
    "test_input_required_result_sampling": {"capital_question": sampling("What is the capital of France?")},
    "test_input_required_result_list_roots": {"client_roots": ListRootsRequest()},
    "test_input_required_result_request_state": {"confirm": form("Please confirm", ok={"type": "boolean"})},
    "test_input_required_result_tampered_state": {"confirm": form("Please confirm", ok={"type": "boolean"})},
    "test_input_required_result_multiple_inputs": {
        "user_name": form("What is your name?", **NAME),
        "greeting": sampling("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    },
    "test_streaming_elicitation": {"user_name": form("What is your name?", **NAME)},
}


async def rounds(_: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """Asks, and says what it heard when all of it was answered."""
    asked, heard = ROUNDS[params.name], params.input_responses or {}
    if asked.keys() <= heard.keys():
        return text(f"state-ok {', '.join(sorted(asked))}")
    return InputRequiredResult(input_requests=dict(asked), request_state=params.name)


async def several_rounds(_: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """Two questions, one after the other."""
    heard = params.input_responses or {}
    if "step2" in heard:
        return text("Both were answered.")
    if "step1" in heard:
        asked = form("Step 2: What is your favorite color?", color={"type": "string"})
        return InputRequiredResult(input_requests={"step2": asked}, request_state="second")
    asked = form("Step 1: What is your name?", **NAME)
    return InputRequiredResult(input_requests={"step1": asked}, request_state="first")


async def as_declared(context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """Asks nothing that the client did not say that it can be asked."""
    can = context.session.client_capabilities
    asked: dict[str, Any] = {}
    if can is not None and can.sampling is not None:
        asked["greeting"] = sampling("Generate a greeting")
    if client_of(context).shows_forms:
        asked["user_name"] = form("What is your name?", **NAME)
    return InputRequiredResult(input_requests=asked) if asked and not params.input_responses else text("Nothing asked.")


async def needs_sampling(context: Context, _: CallToolRequestParams) -> CallToolResult:
    """Cannot do without it."""
    can = context.session.client_capabilities
    if can is None or can.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is needed", {"requiredCapabilities": {"sampling": {}}}
        )
    return text("The client can.")


async def progress(context: Context, _: CallToolRequestParams) -> CallToolResult:
    for step in (0, 50, 100):
        await context.session.report_progress(step, 100)
    return text("Done.")


async def logs(context: Context, _: CallToolRequestParams) -> CallToolResult:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await client_requests.log(context, words)
    return text("Done.")


async def mixed(_: Context, __: CallToolRequestParams) -> CallToolResult:
    document = TextResourceContents(
        uri="test://mixed-content-resource", mime_type="application/json", text='{"test":"data","value":123}'
    )
    picture = ImageContent(data=PICTURE, mime_type="image/png")
    words = TextContent(text="Multiple content types test:")
    return CallToolResult(content=[words, picture, EmbeddedResource(resource=document)])


# How often the suite has had each list changed.
CHANGES = {"test_trigger_tool_change": 0, "test_trigger_prompt_change": 0}


async def change(_: Context, params: CallToolRequestParams) -> CallToolResult:
    """There is one more than before."""
    CHANGES[params.name] += 1
    return text("Changed.")


TOOLS: dict[str, Answer] = {
    **dict.fromkeys(CHANGES, change),
    **dict.fromkeys(ROUNDS, rounds),
    **client_requests.TOOLS,
    "test_input_required_result_multi_round": several_rounds,
    "test_input_required_result_capabilities": as_declared,
    "test_missing_capability": needs_sampling,
    "test_tool_with_progress": progress,
    "test_tool_with_logging": logs,
    "test_logging_tool": logs,
    "test_multiple_content_types": mixed,
}


FURTHER = ("test_tool_with_task", two_questions.TOOL)


def described(name: str) -> Tool:
    return Tool(name=name, description="Of the conformance suite.", input_schema={"type": "object"})


def add_to(server: Server[Any]) -> None:
    """Puts them around the handlers that the server has."""
    _tools(server)
    two_questions.add_to(server)
    _prompts(server)
    _resources(server)


def _own(server: Server[Any], method: str) -> Any:
    entry = server.get_request_handler(method)
    assert entry is not None
    return entry.handler


def _tools(server: Server[Any]) -> None:
    list_own, call_own = _own(server, "tools/list"), _own(server, "tools/call")

    async def list_tools(context: Context, params: PaginatedRequestParams) -> ListToolsResult:
        page: ListToolsResult = await list_own(context, params)
        if params.cursor is None:
            addressed = Tool(name="test_addressed", description="Read in a header.", input_schema=ADDRESSED)
            page.tools += [*map(described, TOOLS), *map(described, FURTHER), addressed]
            page.tools.append(described(f"test_changed_{CHANGES['test_trigger_tool_change']}"))
        return page

    async def call_tool(context: Context, params: CallToolRequestParams) -> Any:
        if params.name in TOOLS:
            return await TOOLS[params.name](context, params)
        if params.name == "test_addressed":
            return text("Hello.")
        if params.name == "failing_job" and not client_of(context).takes_tasks:
            needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "It is a task or nothing", needed)
        if params.name == "test_tool_with_task":
            told = (params.input_responses or {}).get("user_name")
            if told is None:
                return InputRequiredResult(input_requests={"user_name": form("What is your name?", **NAME)})
            label = getattr(told, "content", None) or {}
            slow = CallToolRequestParams(name="slow_compute", arguments={"seconds": 1, "label": str(label["name"])})
            return await call_own(context, slow)
        return await call_own(context, params)

    server.add_request_handler("tools/list", PaginatedRequestParams, list_tools)
    server.add_request_handler("tools/call", CallToolRequestParams, call_tool)
    server.get_tool_input_schema = lambda name: ADDRESSED if name == "test_addressed" else None


def _prompts(server: Server[Any]) -> None:
    list_own, get_own = _own(server, "prompts/list"), _own(server, "prompts/get")
    complete_own = _own(server, "completion/complete")

    async def list_prompts(context: Context, params: PaginatedRequestParams) -> Any:
        page = await list_own(context, params)
        page.prompts.append(
            Prompt(name=f"test_changed_{CHANGES['test_trigger_prompt_change']}", description="Changes.")
        )
        for name, taken in PROMPTS.items():
            arguments = [PromptArgument(name=each, description="Of the suite.", required=True) for each in taken]
            page.prompts.append(Prompt(name=name, description="Of the conformance suite.", arguments=arguments))
        return page

    async def get_prompt(context: Context, params: GetPromptRequestParams) -> Any:
        if params.name not in PROMPTS:
            return await get_own(context, params)
        if params.name == "test_input_required_result_prompt" and not params.input_responses:
            asked = form("What context should the prompt use?", context={"type": "string"})
            return InputRequiredResult(input_requests={"user_context": asked})
        return GetPromptResult(messages=_messages(params.name, params.arguments or {}))

    async def complete(context: Context, params: CompleteRequestParams) -> Any:
        if getattr(params.ref, "name", "") in PROMPTS:
            return CompleteResult(completion=Completion(values=["paris", "park"], total=2, has_more=False))
        return await complete_own(context, params)

    server.add_request_handler("prompts/list", PaginatedRequestParams, list_prompts)
    server.add_request_handler("prompts/get", GetPromptRequestParams, get_prompt)
    server.add_request_handler("completion/complete", CompleteRequestParams, complete)


def _messages(name: str, said: dict[str, str]) -> list[PromptMessage]:
    blocks: list[Any] = [TextContent(text="This is a simple prompt for testing.")]
    if name == "test_prompt_with_arguments":
        blocks = [TextContent(text=f"Prompt with arguments: arg1='{said['arg1']}', arg2='{said['arg2']}'")]
    if name == "test_prompt_with_embedded_resource":
        words = "Embedded resource content for testing."
        document = TextResourceContents(uri=said["resourceUri"], mime_type="text/plain", text=words)
        blocks = [EmbeddedResource(resource=document), TextContent(text="Please process it.")]
    if name == "test_prompt_with_image":
        blocks = [ImageContent(data=PICTURE, mime_type="image/png"), TextContent(text="Please analyze it.")]
    return [PromptMessage(role="user", content=block) for block in blocks]


def _resources(server: Server[Any]) -> None:
    list_own, templates_own = _own(server, "resources/list"), _own(server, "resources/templates/list")
    read_own = _own(server, "resources/read")
    words, picture, watched = "test://static-text", "test://static-binary", "test://watched-resource"
    before, after = "test://template/", "/data"

    async def list_resources(context: Context, params: PaginatedRequestParams) -> Any:
        page = await list_own(context, params)
        page.resources.append(Resource(uri=words, name="static-text", description="Text.", mime_type="text/plain"))
        page.resources.append(Resource(uri=picture, name="static-binary", description="Bytes.", mime_type="image/png"))
        return page

    async def list_templates(context: Context, params: PaginatedRequestParams) -> Any:
        page = await templates_own(context, params)
        page.resource_templates.append(
            ResourceTemplate(uri_template=f"{before}{{id}}{after}", name="template", description="By an id.")
        )
        return page

    async def read(context: Context, params: ReadResourceRequestParams) -> Any:
        uri = params.uri
        if uri in (words, watched):
            said = "This is the content of the static text resource."
            return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="text/plain", text=said)])
        if uri == picture:
            return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type="image/png", blob=PICTURE)])
        if uri.startswith(before) and uri.endswith(after):
            found = uri.removeprefix(before).removesuffix(after)
            said = json.dumps({"id": found, "templateTest": True, "data": f"Data for ID: {found}"})
            contents = TextResourceContents(uri=uri, mime_type="application/json", text=said)
            return ReadResourceResult(contents=[contents])
        return await read_own(context, params)

    server.add_request_handler("resources/list", PaginatedRequestParams, list_resources)
    server.add_request_handler("resources/templates/list", PaginatedRequestParams, list_templates)
    server.add_request_handler("resources/read", ReadResourceRequestParams, read)
