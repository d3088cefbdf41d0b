"""What MCP is answered: the tools that a caller may call, and what calling one gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import grpc.aio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    ElicitRequest,
    ElicitResult,
    ListToolsResult,
    PaginatedRequestParams,
    SetLevelRequestParams,
    Tool,
)

from gateway.mcp import failures
from gateway.mcp.callers import caller_of, idempotency_key, lease_of
from gateway.mcp.calls import Calls, Result, UnknownToolError
from gateway.mcp.catalogue import Catalogue
from gateway.mcp.clients import TASKS, client_of
from gateway.mcp.contract_tools import ContractCalls, ContractTool
from gateway.mcp.invocations import Ask, Progress, ToolCall
from gateway.mcp.observing import Observed
from gateway.mcp.prompts import Prompts
from gateway.mcp.resources import Resources
from gateway.mcp.tasks import TaskParams, Tasks, TaskUpdateParams
from gateway.mcp.words import Words

NAME = "qmcp"
INSTRUCTIONS = """\
Tools of this QMCP: those of its catalogue, and its own for asking people, interviewing users and reading metrics. A \
call that needs a person's approval waits for it for a while; then it says how to follow it. With \
`qmcp/idempotency_key` in `_meta`, a call that is sent again has its effect once; with \
`qmcp/task_id` and `qmcp/fencing_token`, a tool runs for a task only while you hold its lease."""

Context = ServerRequestContext[Any, Any]


class Answers:
    """The handlers of what has to do with tools."""

    def __init__(
        self,
        tools: Mapping[str, ContractTool],
        contract: ContractCalls,
        catalogue: Catalogue,
        calls: Calls,
        words: Words,
    ) -> None:
        self._tools = tools
        self._contract = contract
        self._catalogue = catalogue
        self._calls = calls
        self._words = words

    async def list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        """The contract's own tools that the caller may call, then the catalogue, page by page."""
        caller = caller_of(context)
        if caller.permissions is None:
            raise MCPError(INTERNAL_ERROR, "Nobody can say now what you may call. List again in a few seconds.")
        cursor = (params.cursor if params is not None else None) or ""
        own = [] if cursor else [tool.described for tool in self._tools.values() if caller.may(tool.permission)]
        try:
            page, token = await self._catalogue.page(caller, cursor)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            code = INVALID_PARAMS if failure.reason in ("PAGE_TOKEN_INVALID", "INVALID_REQUEST") else INTERNAL_ERROR
            raise MCPError(code, failure.message, failure.as_json()) from error
        return ListToolsResult(tools=[*own, *filter(self._is_reached, page)], next_cursor=token or None)

    def _is_reached(self, tool: Tool) -> bool:
        """A tool of the catalogue that has the name of one of the contract's is called over HTTP and gRPC alone."""
        return tool.name not in self._tools

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> Result:
        """The result; what was refused or failed is one too. An unknown tool is an error of the protocol."""
        caller = caller_of(context)
        meta: Mapping[str, Any] = dict(context.meta or {})
        key = idempotency_key(caller, meta)
        arguments = params.arguments or {}
        if tool := self._tools.get(params.name):
            return await self._contract.call(tool, caller, arguments, key)
        progress: Progress | None = (
            context.session.report_progress if "progress_token" in meta else self._words.teller(context)
        )
        if params.request_state is not None:
            return await self._calls.resumed(caller, params.request_state, params.input_responses or {}, progress)
        try:
            lease = lease_of(meta)
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, f"{error}.") from None
        client = client_of(context)
        ask = None if client.comes_back else asking(context)
        call = ToolCall(caller, params.name, arguments, key, lease, progress, ask)
        try:
            return await self._calls.call(call, client)
        except UnknownToolError:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}") from None


def asking(context: Context) -> Ask:
    """Asks the client back on the stream of its own request."""

    async def ask(form: ElicitRequest) -> ElicitResult:
        metadata = ServerMessageMetadata(related_request_id=context.request_id)
        return await context.session.send_request(form, ElicitResult, metadata=metadata)

    return ask


@dataclass(frozen=True, slots=True)
class Handlers:
    """All that answers."""

    answers: Answers
    tasks: Tasks
    resources: Resources
    prompts: Prompts
    words: Words


def server(handlers: Handlers, observed: Observed, state: RequestStateSecurity) -> Server[Any]:
    """The server of the SDK, which knows both revisions of the protocol; `state` seals what clients say again."""
    answers, tasks, resources, prompts = handlers.answers, handlers.tasks, handlers.resources, handlers.prompts
    made: Server[Any] = Server(
        NAME,
        version=metadata.version("qmcp"),
        title="QMCP",
        instructions=INSTRUCTIONS,
        # No tool says that its arguments are repeated in headers, so there is nothing to look up before a call.
        get_tool_input_schema=lambda _: None,
        on_list_tools=answers.list_tools,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get,
        on_completion=prompts.complete,
    )
    # Its results are more than the constructor's: a task is one that the extension adds.
    made.add_request_handler("tools/call", CallToolRequestParams, answers.call_tool)
    made.extensions[TASKS] = {}
    made.add_request_handler("tasks/get", TaskParams, tasks.get)
    made.add_request_handler("tasks/update", TaskUpdateParams, tasks.update)
    made.add_request_handler("tasks/cancel", TaskParams, tasks.cancel)
    # Handed to the constructor, it would be told to be deprecated: those who are to come do without a session.
    made.add_request_handler("logging/setLevel", SetLevelRequestParams, handlers.words.set_level)
    # Without the SDK's own for traces: nothing here exports them, and services are told of the caller's by its headers.
    made.middleware = [observed, RequestStateBoundary(state, default_audience=NAME)]
    return made
