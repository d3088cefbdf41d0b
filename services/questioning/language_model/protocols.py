"""The two protocols that endpoints of language models speak: what is sent, and where in the answer things stand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.questioning.language_model.prompt import INSTRUCTIONS, SCHEMA

ANTHROPIC_VERSION = "2023-06-01"
TOOL = "questions"
# Sixty questions, each after three calls of so many, fit into the field that tells them.
MAX_TOKENS_TOLD = 10_000_000


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model is asked, and how."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    temperature: float
    # Of its answer, at most.
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """What an endpoint answered."""

    # What the model wrote, as JSON.
    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    # Why what it wrote cannot be used: `refused` or `truncated`. Empty: it is whole.
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one kind of endpoint is spoken to."""

    path: str
    headers: Callable[[ModelSettings], Mapping[str, str]]
    # The body of a request with what the model is told; one for each way of asking, of which an endpoint may know only
    # some: it answers 400 to the others.
    bodies: Sequence[Callable[[ModelSettings, str], dict[str, Any]]]
    # What an answer says. KeyError, TypeError, IndexError or AttributeError: it has another form.
    completion: Callable[[Any], Completion]


def _openai_headers(settings: ModelSettings) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}


def _openai_plain(settings: ModelSettings, said: str) -> dict[str, Any]:
    form = orjson.dumps(SCHEMA).decode()
    written = f"{INSTRUCTIONS} Answer with one JSON object of this JSON Schema and nothing else: {form}"
    return {
        "model": settings.model,
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
        "messages": [{"role": "system", "content": written}, {"role": "user", "content": said}],
    }


def _openai_structured(settings: ModelSettings, said: str) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": TOOL, "strict": True, "schema": SCHEMA}}
    return {**_openai_plain(settings, said), "response_format": form}


def _openai_reasoning(settings: ModelSettings, said: str) -> dict[str, Any]:
    """As models want it that think first: the bound has another name, and there is no temperature."""
    body = _openai_structured(settings, said)
    del body["temperature"], body["max_tokens"]
    return {**body, "max_completion_tokens": settings.max_tokens}


def _openai_completion(answer: Any) -> Completion:
    choice = answer["choices"][0]
    message, usage = choice["message"], answer.get("usage") or {}
    unusable = ""
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        unusable = "refused"
    elif choice.get("finish_reason") == "length":
        unusable = "truncated"
    return Completion(
        message.get("content") or "", _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens"), unusable
    )


def _anthropic_headers(settings: ModelSettings) -> Mapping[str, str]:
    return {"x-api-key": settings.api_key, "anthropic-version": ANTHROPIC_VERSION}


def _anthropic_body(settings: ModelSettings, said: str) -> dict[str, Any]:
    tool = {"name": TOOL, "description": "Takes the questions that are to be asked.", "input_schema": SCHEMA}
    return {
        "model": settings.model,
        # Its scale ends where the other's has its middle.
        "temperature": min(settings.temperature, 1.0),
        "max_tokens": settings.max_tokens,
        "system": INSTRUCTIONS,
        "messages": [{"role": "user", "content": said}],
        "tools": [tool],
        "tool_choice": {"type": "tool", "name": TOOL},
    }


def _anthropic_untempered(settings: ModelSettings, said: str) -> dict[str, Any]:
    body = _anthropic_body(settings, said)
    del body["temperature"]
    return body


def _anthropic_completion(answer: Any) -> Completion:
    usage = answer.get("usage") or {}
    used = [each["input"] for each in answer["content"] if each["type"] == "tool_use" and each["name"] == TOOL]
    stopped = answer.get("stop_reason")
    unusable = {"refusal": "refused", "max_tokens": "truncated"}.get(stopped, "")
    text = ""
    if used and not unusable:
        # Whoever reads it takes text from either protocol.
        text = orjson.dumps(used[0]).decode()
    return Completion(text, _tokens(usage, "input_tokens"), _tokens(usage, "output_tokens"), unusable)


def _tokens(usage: Any, name: str) -> int:
    """How many an endpoint says it took; 0 for what cannot be."""
    told = usage.get(name)
    fits = isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= MAX_TOKENS_TOLD
    return told if fits else 0


PROTOCOLS: Mapping[str, Protocol] = {
    "openai": Protocol(
        "/chat/completions",
        _openai_headers,
        (_openai_structured, _openai_reasoning, _openai_plain),
        _openai_completion,
    ),
    "anthropic": Protocol(
        "/v1/messages", _anthropic_headers, (_anthropic_body, _anthropic_untempered), _anthropic_completion
    ),
}
