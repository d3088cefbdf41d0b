"""The interviews as prompts: what a user picks in a client, so that its model asks by the questioning service."""

import re
from typing import Any

import grpc.aio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptReference,
    TextContent,
)
from qmcp.questioning.v1.bank_pb2 import ListBanksRequest
from qmcp.questioning.v1.questioning_service_pb2_grpc import QuestioningServiceStub

from gateway.mcp.callers import Caller, caller_of
from gateway.mcp.channels import Channels

SERVICE, ASK, SEE = "questioning", "questioning.ask", "questioning.read"
MAX_ABOUT = 4_000
# As the contract has it, or none.
BANK_NAME = re.compile(r"[A-Za-z0-9_-]{0,64}")
# As many as the protocol takes.
MAX_VALUES = 100
BANKS_LOOKED_AT = 200
ABOUT, BANK = "about", "bank"
INTERVIEW = Prompt(
    name="interview",
    title="Interview me",
    description="Asks you the questions whose answers matter most, one at a time, until enough is known.",
    arguments=[
        PromptArgument(name=ABOUT, description="What it is about, and what is known already.", required=True),
        PromptArgument(name=BANK, description="The question bank to ask by; without it the built-in questions."),
    ],
)
Context = ServerRequestContext[Any, Any]


class Prompts:
    """The handlers of prompts and of what completes their arguments."""

    def __init__(self, channels: Channels, *, seconds: float) -> None:
        """`seconds`: how long a list may take."""
        self._channels = channels
        self._seconds = seconds

    async def list_prompts(self, context: Context, _: PaginatedRequestParams | None) -> ListPromptsResult:
        """Those whose tools the caller may call."""
        return ListPromptsResult(prompts=[INTERVIEW] if caller_of(context).may(ASK) else [])

    async def get(self, context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        """What the model is told to do."""
        said = params.arguments or {}
        if params.name != INTERVIEW.name or not caller_of(context).may(ASK):
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name}")
        about, bank = said.get(ABOUT, ""), said.get(BANK, "")
        if not 1 <= len(about) <= MAX_ABOUT:
            raise MCPError(INVALID_PARAMS, f"{ABOUT} has 1 to {MAX_ABOUT} characters.")
        if not BANK_NAME.fullmatch(bank):
            raise MCPError(INVALID_PARAMS, f"{BANK} is the name of a question bank.")
        goal = f' and `goal` {{"bank_name": "{bank}"}}' if bank else ""
        text = (
            "Interview me. Call `sequential_questioning` with `question_count` 1, what stands at the end as `context`"
            f"{goal}. Ask me its question as it stands and nothing else, give my answer to `answer_questions` with the "
            "`conversation_id`, and go on with the question that it answers with, until it has none. Then tell me "
            f"what was found.\n\nWhat it is about:\n{about}"
        )
        message = PromptMessage(role="user", content=TextContent(text=text))
        return GetPromptResult(description=INTERVIEW.description, messages=[message])

    async def complete(self, context: Context, params: CompleteRequestParams) -> CompleteResult:
        """The names of the caller's banks; of any other argument nothing is known."""
        names: list[str] = []
        if (
            isinstance(params.ref, PromptReference)
            and (params.ref.name, params.argument.name) == (INTERVIEW.name, BANK)
            and caller_of(context).may(SEE)
        ):
            names = await self._banks(caller_of(context))
        fitting = [name for name in names if name.startswith(params.argument.value)]
        has_more = len(fitting) > MAX_VALUES
        return CompleteResult(completion=Completion(values=fitting[:MAX_VALUES], has_more=has_more))

    async def _banks(self, caller: Caller) -> list[str]:
        stub: Any = self._channels.stub(SERVICE, QuestioningServiceStub)
        try:
            answer = await stub.ListBanks(
                ListBanksRequest(page_size=BANKS_LOOKED_AT), metadata=caller.metadata, timeout=self._seconds
            )
        except grpc.aio.AioRpcError:
            # Whoever types goes on without it.
            return []
        return sorted({bank.name for bank in answer.banks})
