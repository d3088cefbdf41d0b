"""An endpoint of a language model on loopback: it speaks both protocols, and fails as a test wants."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-canary-7Hq2vX9pLmZk"
INPUT_TOKENS = 120
OUTPUT_TOKENS = 45


@dataclass
class ModelEndpoint:
    """Answers as `answers` says, each once and the last for ever.

    `good`, an HTTP status, or one of `hang`, `malformed`, `nonsense`, `refused`, `truncated`, `huge`, `packed`, `echo` (our own key
    in a question), `reset`; or the document that the model shall have written.
    """

    port: int = 0
    answers: list[Any] = field(default_factory=lambda: ["good"])
    headers: dict[str, str] = field(default_factory=dict)
    # The bodies that came, and the headers that came with them.
    received: list[dict[str, Any]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    # Calls that are being answered, at most at a time, and whose callers went before they were.
    open: int = 0
    most_open: int = 0
    abandoned: int = 0
    # Without it nothing is answered.
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    # Ways of asking that it does not know: fields of a body that it refuses with 400.
    unknown_fields: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.may_answer.set()

    @property
    def openai(self) -> dict[str, Any]:
        """Settings under which the service asks it."""
        return {
            "questioning_engine": "llm",
            "questioning_openai_base_url": f"http://127.0.0.1:{self.port}/v1",
            "questioning_openai_api_key": KEY,
            "questioning_openai_model_name": "small-model",
        }

    @property
    def anthropic(self) -> dict[str, Any]:
        address = {"questioning_openai_base_url": f"http://127.0.0.1:{self.port}"}
        return {**self.openai, **address, "questioning_protocol": "anthropic"}

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.credentials.append(request.headers.get("Authorization", request.headers.get("x-api-key", "")))
        if self.unknown_fields & body.keys():
            return web.json_response({"error": {"message": f"unknown, and your key is {KEY}"}}, status=400)
        self.received.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await (asyncio.Event() if answer == "hang" else self.may_answer).wait()
            return self._reply(request, body, answer)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        finally:
            self.open -= 1

    def _reply(self, request: web.Request, body: dict[str, Any], answer: Any) -> web.StreamResponse:
        if isinstance(answer, int):
            error = {"error": {"message": f"your key {KEY} is no good"}}
            return web.json_response(error, status=answer, headers=self.headers)
        if answer == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if answer == "malformed":
            return web.Response(text='{"choices": [', content_type="application/json")
        if answer == "huge":
            return web.Response(text=json.dumps({"padding": "x" * 2_000_000}), content_type="application/json")
        if answer == "packed":
            packed = gzip.compress(b" " * 50_000_000, 1)
            return web.Response(body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json")
        speaks = _anthropic if request.path.endswith("/messages") else _openai
        return web.json_response(speaks(self._written(body, answer), answer))

    def _written(self, body: dict[str, Any], answer: Any) -> Any:
        if isinstance(answer, dict | list):
            return answer
        said = body["messages"][-1]["content"]
        wanted = re.search(r"Write (\d+) questions", said)
        assert wanted
        # What was asked before it was told, so it can go on counting.
        done = len(re.findall(r'"question":', said))
        texts = [f"Model question {done + place}?" for place in range(1, int(wanted[1]) + 1)]
        if answer == "echo":
            texts = [f"{text} {KEY}" for text in texts]
        return {
            "questions": [
                {
                    "question_text": text,
                    "importance": f"why {text}",
                    "information_to_look_for": "what",
                    "answer_type": "text",
                    "options": [],
                }
                for text in texts
            ],
            "next_batch_needed": True,
            "total_questions_estimated": 12,
        }


def _openai(written: Any, answer: Any) -> dict[str, Any]:
    content = "I would rather talk." if answer == "nonsense" else f"```json\n{json.dumps(written)}\n```"
    message = {"role": "assistant", "content": content, "refusal": None}
    if answer == "refused":
        message |= {"content": None, "refusal": "I cannot help with that."}
    return {
        "choices": [{"message": message, "finish_reason": "length" if answer == "truncated" else "stop"}],
        "usage": {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS},
    }


def _anthropic(written: Any, answer: Any) -> dict[str, Any]:
    stopped = {"refused": "refusal", "truncated": "max_tokens"}.get(str(answer), "tool_use")
    used = {"type": "tool_use", "id": "1", "name": "questions", "input": written}
    content = [{"type": "text", "text": "Here they are."}, *([] if answer == "nonsense" else [used])]
    return {
        "content": content,
        "stop_reason": stopped,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }


@asynccontextmanager
async def model_endpoint() -> AsyncIterator[ModelEndpoint]:
    endpoint = ModelEndpoint()
    application = web.Application()
    application.router.add_post("/v1/chat/completions", endpoint.take)
    application.router.add_post("/v1/messages", endpoint.take)
    # Who goes is noticed.
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        endpoint.port = runner.addresses[0][1]
        yield endpoint
    finally:
        endpoint.may_answer.set()
        await runner.cleanup()
