"""The extension io.modelcontextprotocol/tasks: an invocation that goes on is a task, by the id that the audit has.

Nothing is kept here. The invocation was recorded before its id is told, and whoever asks for a task is asked who it is.
"""

from typing import Any, NoReturn

import grpc
import grpc.aio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from qmcp.tools.v1 import invocation_pb2

from gateway.mcp import failures, results
from gateway.mcp.approvals import KEY, Approvals, UnreadableError, read
from gateway.mcp.callers import Caller, caller_of
from gateway.mcp.clients import TASKS, Client, client_of
from gateway.mcp.invocations import AWAITING, Invocations, awaited

POLL_MILLISECONDS = 1_000
# Of these the tool said nothing: not a result with an error in it, but none.
WITHOUT_RESULT = frozenset(
    {
        "TOOL_TIMEOUT",
        "INTERRUPTED",
        "TOOL_CHANGED",
        "TOOL_NOT_LOADED",
        "TOOL_PAUSED",
        "ADDRESS_NOT_ALLOWED",
        "SECRET_NOT_FOUND",
        "TOKEN_REQUEST_FAILED",
        "ACCESS_ENDED",
    }
)
Context = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """What tasks/get and tasks/cancel take."""

    task_id: str


class TaskUpdateParams(TaskParams):
    """What tasks/update takes."""

    input_responses: dict[str, Any]


def created(invocation: invocation_pb2.Invocation) -> dict[str, Any]:
    """The answer to a call that has become a task."""
    return {"resultType": "task", **_task(invocation, "working")}


class Tasks:
    """The handlers of the extension's methods."""

    def __init__(self, invocations: Invocations, approvals: Approvals) -> None:
        self._invocations = invocations
        self._approvals = approvals

    async def get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        """The task as it stands, with its result when it has ended, or with what it asks of the client."""
        caller, client = _admitted(context, params)
        invocation = await self._found(caller, params.task_id)
        if invocation.status == AWAITING:
            form = await self._approvals.form(caller, invocation, wait=False) if client.shows_forms else None
            if form is None:
                return _task(invocation, "working") | {"statusMessage": awaited(invocation)}
            asked = form.model_dump(by_alias=True, mode="json", exclude_none=True)
            return _task(invocation, "input_required") | {"inputRequests": {KEY: asked}}
        if invocation.status in ("pending", "running"):
            return _task(invocation, "working")
        if invocation.status == "cancelled" and invocation.error_reason not in WITHOUT_RESULT:
            return _task(invocation, "cancelled")
        if invocation.error_reason in WITHOUT_RESULT:
            error = {"code": INTERNAL_ERROR, "message": invocation.error, "data": {"reason": invocation.error_reason}}
            return _task(invocation, "failed") | {"error": error}
        result = results.of_invocation(invocation).model_dump(by_alias=True, mode="json", exclude_none=True)
        return _task(invocation, "completed") | {"result": result}

    async def update(self, context: Context, params: TaskUpdateParams) -> dict[str, Any]:
        """Takes the answer to what the task asks; answers to anything else are passed over."""
        caller, _ = _admitted(context, params)
        invocation = await self._found(caller, params.task_id)
        if KEY in params.input_responses and invocation.status == AWAITING:
            try:
                answer = read(params.input_responses[KEY])
            except UnreadableError:
                raise MCPError(INVALID_PARAMS, f"inputResponses.{KEY} is no answer to the form.") from None
            refused = await self._approvals.give(caller, invocation, answer) if answer is not None else None
            if refused is not None:
                raise MCPError(INVALID_PARAMS, refused.message, refused.as_json())
        return {}

    async def cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        """Asks for its end; one that has ended stays as it is."""
        caller, _ = _admitted(context, params)
        invocation = await self._found(caller, params.task_id)
        try:
            await self._invocations.cancel(caller, invocation.id)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            if failure.reason != "INVOCATION_ENDED":
                raise MCPError(INTERNAL_ERROR, failure.message, failure.as_json()) from error
        return {}

    async def _found(self, caller: Caller, task_id: str) -> invocation_pb2.Invocation:
        """The caller's own invocation: what others may read as audit is no task of theirs."""
        try:
            invocation = await self._invocations.read(caller, task_id)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            if failure.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                _unknown()
            raise MCPError(INTERNAL_ERROR, failure.message, failure.as_json()) from error
        if caller.principal and invocation.principal != caller.principal:
            _unknown()
        return invocation


def _unknown() -> NoReturn:
    raise MCPError(INVALID_PARAMS, "Unknown task")


def _admitted(context: Context, params: TaskParams) -> tuple[Caller, Client]:
    """Who asks, and what their client can; refused is who may not ask so."""
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        raise MCPError(METHOD_NOT_FOUND, f"Method not found: {context.method}")
    assert context.request is not None
    if decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the request body's 'taskId'")
    caller, client = caller_of(context), client_of(context)
    if not client.takes_tasks:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"The client does not declare {TASKS}",
            {"requiredCapabilities": {"extensions": {TASKS: {}}}},
        )
    if caller.permissions is None:
        raise MCPError(INTERNAL_ERROR, "Nobody can say now whose task it is. Ask again in a few seconds.")
    return caller, client


def _task(invocation: invocation_pb2.Invocation, status: str) -> dict[str, Any]:
    last = invocation.created_at
    for field, message in (("decided_at", invocation.approval), ("completed_at", invocation)):
        last = getattr(message, field) if message.HasField(field) else last
    return {
        "taskId": invocation.id,
        "status": status,
        "createdAt": invocation.created_at.ToJsonString(),
        "lastUpdatedAt": last.ToJsonString(),
        # As long as the audit has it.
        "ttlMs": None,
        "pollIntervalMs": POLL_MILLISECONDS,
    }
