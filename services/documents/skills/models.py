"""A skill: a kind of document, the values that it takes, and how its templates ask for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Json = Any
# placeholders: `【FIELD】`, flat. jinja: `{{ field }}`, with loops and conditions.
Engine = Literal["placeholders", "jinja"]
MAX_DEPTH = 32
SPACE = 0x20


class Payload(BaseModel):
    """What the payload of a skill inherits from: unknown keys are refused, and texts are texts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Skill:
    """One kind of document. What is required is reported where a template asks for it and the payload lacks it."""

    name: str
    payload: type[BaseModel]
    required: tuple[str, ...] = ()
    description: str = ""
    engine: Engine = "placeholders"

    @property
    def payload_schema(self) -> dict[str, Json]:
        return self.payload.model_json_schema()

    def check(self, payload: Json) -> dict[str, Json]:
        """The payload as its templates see it.

        Raises:
            PayloadError: naming each value that does not fit.
        """
        if unfit := list(_unfit(payload, "payload", 0)):
            raise PayloadError(tuple(unfit[:20]))
        try:
            checked = self.payload.model_validate(payload)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise PayloadError(
                tuple((".".join(["payload", *map(str, each["loc"])]), each["msg"]) for each in found[:20])
            ) from error
        return checked.model_dump(mode="json", exclude_none=True)

    @property
    def fields(self) -> dict[str, str]:
        """The keys of the payload by the names of their placeholders: `MEETING_TITLE` is `meeting_title`."""
        return {key.upper(): key for key in self.payload.model_fields}

    def texts(self, payload: Mapping[str, Json]) -> dict[str, str]:
        """What stands for each key that has a value: lists are joined, and what is blank is no value."""
        joined = {key: _text(value) for key, value in payload.items()}
        return {key: text for key, text in joined.items() if text.strip()}


@dataclass(eq=False)
class PayloadError(ValueError):
    """A payload that its skill does not take: the path to each value, and why."""

    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "; ".join(f"{path}: {why}" for path, why in self.problems)


def _text(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _unfit(value: Json, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """What no document can hold: control characters, halves of characters; and what is too deep to walk."""
    if depth > MAX_DEPTH:
        yield path[:200], f"is nested deeper than {MAX_DEPTH}"
    elif isinstance(value, str):
        if any(_is_unfit(letter) for letter in value):
            yield path, "has a character that no document can hold"
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _unfit(key, path, depth + 1)
            yield from _unfit(each, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unfit(each, f"{path}[{index}]", depth + 1)


def _is_unfit(letter: str) -> bool:
    if ord(letter) < SPACE:
        return letter not in "\t\n\r"
    # Halves of pairs, and code points that are no characters.
    return "\ud800" <= letter <= "\udfff" or "\ufdd0" <= letter <= "\ufdef" or letter in "\ufffe\uffff"
