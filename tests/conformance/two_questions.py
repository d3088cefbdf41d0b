"""A tool of the suite whose task asks two things at once: the one question of the product's own, in two halves.

A tool of the catalogue asks one human request. What a client answers is kept here until both are there.
"""

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp_types import CallToolRequestParams

from gateway.mcp.approvals import KEY
from gateway.mcp.tasks import TaskParams, TaskUpdateParams

TOOL, OWN = "multi_input", "confirm_delete"
HALVES = ("first", "second")
Context = ServerRequestContext[Any, Any]


def add_to(server: Server[Any]) -> None:
    """Puts it around the handlers that the server has."""

    def own(method: str) -> Any:
        entry = server.get_request_handler(method)
        assert entry is not None
        return entry.handler

    call_own, get_own, update_own = own("tools/call"), own("tasks/get"), own("tasks/update")
    answered: dict[str, dict[str, Any]] = {}

    async def call(context: Context, params: CallToolRequestParams) -> Any:
        if params.name != TOOL:
            return await call_own(context, params)
        arguments = {"filename": "of two questions"}
        made = await call_own(context, params.model_copy(update={"name": OWN, "arguments": arguments}))
        answered[made["taskId"]] = {}
        return made

    async def get(context: Context, params: TaskParams) -> Any:
        task: dict[str, Any] = dict(await get_own(context, params))
        if asked := task.get("inputRequests") if params.task_id in answered else None:
            task["inputRequests"] = {half: asked[KEY] for half in HALVES if half not in answered[params.task_id]}
        return task

    async def update(context: Context, params: TaskUpdateParams) -> Any:
        if (said := answered.get(params.task_id)) is not None:
            said |= {half: params.input_responses[half] for half in HALVES if half in params.input_responses}
            whole = {KEY: said[HALVES[0]]} if len(said) == len(HALVES) else {}
            params = params.model_copy(update={"input_responses": whole})
        return await update_own(context, params)

    server.add_request_handler("tools/call", CallToolRequestParams, call)
    server.add_request_handler("tasks/get", TaskParams, get)
    server.add_request_handler("tasks/update", TaskUpdateParams, update)
