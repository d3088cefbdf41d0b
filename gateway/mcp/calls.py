"""A call of a tool of the catalogue: answered when it has run, and while a human decides as the client can take it.

Its invocation, and the human request behind that, are the same whether the client makes a task of it, shows its user a
form, or waits.
"""

import json
from contextlib import suppress
from typing import Any

import anyio
import grpc
import grpc.aio
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, ElicitRequest, InputRequiredResult
from pydantic import ValidationError
from qmcp.tools.v1 import invocation_pb2

from gateway.mcp import failures, tasks
from gateway.mcp.approvals import KEY, Answer, Approvals, UnreadableError, read
from gateway.mcp.callers import Caller
from gateway.mcp.clients import Client
from gateway.mcp.failures import Failure
from gateway.mcp.invocations import AWAITING, FINAL, Ask, Invocations, Progress, ToolCall
from gateway.mcp.results import of_invocation

# Nobody need be asked any more.
DECIDED = FINAL | {"pending", "running"}
Result = CallToolResult | InputRequiredResult | dict[str, Any]


class UnknownToolError(Exception):
    """The catalogue has no tool of this name."""


class Calls:
    """Calls tools in the name of callers."""

    def __init__(
        self,
        invocations: Invocations,
        approvals: Approvals,
        *,
        long_seconds: float,
        wait_seconds: float,
        task_after_seconds: float,
    ) -> None:
        """How long a run and the wait for a human may take, and after how long a run is a task."""
        self._invocations = invocations
        self._approvals = approvals
        self._long_seconds = long_seconds
        self._wait_seconds = wait_seconds
        self._task_after_seconds = task_after_seconds

    async def call(self, call: ToolCall, client: Client) -> Result:
        """Runs a tool.

        Raises:
            UnknownToolError: where there is no such tool.
        """
        try:
            if client.takes_tasks:
                invocation = await self._invocations.begun(call, self._task_after_seconds)
                return of_invocation(invocation) if invocation.status in FINAL else tasks.created(invocation)
            invocation = await self._invocations.run(call)
            if invocation.status == AWAITING:
                return await self._awaited(call, client, invocation)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            if _is_of_the_name(failure):
                raise UnknownToolError(call.name) from error
            return failures.result(failure)
        return of_invocation(invocation)

    async def _awaited(self, call: ToolCall, client: Client, invocation: invocation_pb2.Invocation) -> Result:
        """It goes on without its caller, who may come back to it."""
        if client.shows_forms:
            form = await self._approvals.form(call.caller, invocation, wait=True)
            if form is not None and call.ask is not None:
                return await self._asked_back(call, form, call.ask, invocation)
            if form is not None:
                return InputRequiredResult(input_requests={KEY: form}, request_state=_state(invocation))
        return of_invocation(
            await self._invocations.followed(call.caller, invocation, call.progress, self._wait_seconds)
        )

    async def _asked_back(
        self, call: ToolCall, form: ElicitRequest, ask: Ask, invocation: invocation_pb2.Invocation
    ) -> CallToolResult:
        """Asks the user while the call is open, and for no longer than nobody else has decided."""
        told: list[Answer | None] = []
        async with anyio.create_task_group() as group:

            async def asked() -> None:
                # A client that fails to ask leaves it to the others who may answer.
                with suppress(MCPError, ValidationError, UnreadableError):
                    told.append(read(await ask(form)))
                group.cancel_scope.cancel()

            group.start_soon(asked)
            invocation = await self._invocations.followed(call.caller, invocation, None, self._long_seconds, DECIDED)
            group.cancel_scope.cancel()
        if told and told[0] is None:
            # Closed undecided: it still waits, for this user or for another.
            return of_invocation(invocation)
        if told and told[0] is not None:
            refused = await self._approvals.give(call.caller, invocation, told[0])
            if refused is not None:
                return failures.result(refused)
        return await self._run_to_its_end(call.caller, invocation, call.progress)

    async def resumed(
        self, caller: Caller, state: str, responses: dict[str, Any], progress: Progress | None
    ) -> CallToolResult | InputRequiredResult:
        """Goes on with a call whose client has asked its user; `state` is what it was told to say again."""
        try:
            invocation = await self._invocations.read(caller, _invocation_id(state))
            if invocation.status == AWAITING:
                given = await self._given(caller, invocation, responses)
                if isinstance(given, CallToolResult | InputRequiredResult):
                    return given
            return await self._run_to_its_end(caller, invocation, progress)
        except grpc.aio.AioRpcError as error:
            return failures.result(failures.of(error))

    async def _run_to_its_end(
        self, caller: Caller, invocation: invocation_pb2.Invocation, progress: Progress | None
    ) -> CallToolResult:
        """What was answered may not be all that is needed: humans have their time, and then the run has its own."""
        decided = await self._invocations.followed(caller, invocation, progress, self._wait_seconds, DECIDED)
        if decided.status not in (AWAITING, *FINAL):
            decided = await self._invocations.followed(caller, decided, progress, self._long_seconds)
        return of_invocation(decided)

    async def _given(
        self, caller: Caller, invocation: invocation_pb2.Invocation, responses: dict[str, Any]
    ) -> CallToolResult | InputRequiredResult | None:
        """Gives the user's answer to the humans' service; a result where that is not the end of it."""
        try:
            answer = read(responses.get(KEY))
        except UnreadableError:
            form = await self._approvals.form(caller, invocation, wait=False)
            if form is None:
                return None
            return InputRequiredResult(input_requests={KEY: form}, request_state=_state(invocation))
        if answer is None:
            # Closed undecided: it still waits, for this user or for another.
            return of_invocation(invocation)
        refused = await self._approvals.give(caller, invocation, answer)
        return failures.result(refused) if refused is not None else None


def _is_of_the_name(failure: Failure) -> bool:
    unfit = failure.code == grpc.StatusCode.INVALID_ARGUMENT and failure.fields[:1]
    return failure.code == grpc.StatusCode.NOT_FOUND or bool(unfit and failure.fields[0][0] == "name")


def _state(invocation: invocation_pb2.Invocation) -> str:
    return json.dumps({"invocation": invocation.id})


def _invocation_id(state: str) -> str:
    """What the endpoint has said itself; that it has, its seal says."""
    try:
        return str(json.loads(state)["invocation"])
    except (ValueError, KeyError, TypeError):
        raise MCPError(INVALID_PARAMS, "Invalid or expired requestState") from None
