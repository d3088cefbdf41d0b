"""One value that an object needs: of what form it is, how it is asked for, and what it may be recalled from."""

import hashlib
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.questioning.engines.subschemas import Choice, Document, Path
from services.questioning.models import AnswerType, Candidate

TYPES: Mapping[str, AnswerType] = {
    "string": "text",
    "boolean": "yes_no",
    "integer": "integer",
    "number": "number",
    "array": "list",
    "object": "object",
}
FEW = {"const", "enum"}
# A keyword of ours: whether earlier answers count. `never`, or `confirm`: they are proposed only.
RECALL = "x-recall"
# As the contract takes the ids of questions.
MAX_ID = 512
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Field:
    """A value with its place in the object."""

    path: Path
    schemas: Sequence[Document]
    # Whether its answer decides what else is asked; such come first.
    deciding: bool = False
    # The values that it may have by what decides.
    allowed: Sequence[Any] | None = None
    # Of each `oneOf` and `anyOf` what it may be.
    choices: Sequence[Choice] = ()

    @property
    def id(self) -> str:
        """The name of its question."""
        return question_of(self.path)

    def says(self, keyword: str, otherwise: Any = None) -> Any:
        """What its schemas say, the first that says anything."""
        return next((schema[keyword] for schema in self.schemas if keyword in schema), otherwise)

    @property
    def enum(self) -> list[Any] | None:
        """The values that it may have; None where they are not counted."""
        lists = [schema["enum"] for schema in self.schemas if isinstance(schema.get("enum"), list)]
        lists += [[schema["const"]] for schema in self.schemas if "const" in schema]
        if self.allowed is not None:
            lists.append(list(self.allowed))
        lists += [values for choice in self.choices if (values := _values_of(choice)) is not None]
        if not lists:
            return None
        # By keys, or two lists of ten thousand would be a hundred million comparisons.
        others = [{key_of(each) for each in other} for other in lists[1:]]
        return [each for each in lists[0] if all(key_of(each) in other for other in others)]

    @property
    def kinds(self) -> list[str]:
        """The types that it may have; null is none that anybody says."""
        told = self.says("type")
        if told is None:
            told = next((kinds for choice in self.choices if (kinds := _kinds_of(choice))), [])
        return [kind for kind in ([told] if isinstance(told, str) else told) if kind != "null"]

    @property
    def answer_type(self) -> AnswerType:
        """How people answer it."""
        if self.enum is not None:
            return "choice"
        kinds = self.kinds
        if kinds == ["string"] and self.says("format") == "date":
            return "date"
        # What may be of several types is told in words, or is the value itself.
        return TYPES.get(kinds[0], "text") if len(kinds) == 1 else "text"

    @property
    def options(self) -> list[str]:
        """What there is to choose from, as people read it."""
        return [each if isinstance(each, str) else orjson.dumps(each).decode() for each in self.enum or ()]

    def candidate(self, form: str, why: str) -> Candidate:
        """The question for it.

        Args:
            form: the name of the schema that it is a field of.
            why: a fault of the answer that it had; empty where it had none.
        """
        described = str(self.says("description") or "")
        # A whole question that somebody wrote means the same wherever it stands; "the name" does not.
        authored = described.endswith("?")
        # Nothing is proposed where true is an answer of its own, and agrees to nothing.
        proposes = len(self.kinds) <= 1 or "boolean" not in self.kinds
        recall = self.says(RECALL) if proposes else "never"
        shape = {"type": self.says("type"), "format": self.says("format"), "enum": self.enum}
        fact = [" ".join(described.casefold().split())] if authored else [form, self.id]
        reason = why or ("It decides what else is needed." if self.deciding else "It is needed, and not known yet.")
        named = orjson.dumps([*fact, shape], option=orjson.OPT_SORT_KEYS).decode()
        return Candidate(
            self.id,
            described if authored else self._text(described),
            self.answer_type,
            self.options,
            reason,
            described or f"A value for {self._name}",
            1.0 if self.deciding else 0.5,
            reason,
            self.says("default") if proposes else None,
            "" if recall in {"never", "confirm"} else named,
            recall != "never",
        )

    @property
    def _name(self) -> str:
        title = str(self.says("title") or self.path[-1].replace("_", " "))
        within = " ".join(part.replace("_", " ") for part in self.path[:-1])
        return f"{title} ({within})" if within else title

    def _text(self, described: str) -> str:
        if described:
            return f"{self._name}: {described}"
        return f"{self._name}?" if self.answer_type == "yes_no" else f"What is the {self._name}?"


def _values_of(choice: Choice) -> list[Any] | None:
    """The values of what there is to choose from, where each is one of a few."""
    values: list[Any] = []
    for schemas in choice:
        few = next(
            ([each["const"]] if "const" in each else each["enum"] for each in schemas if each.keys() & FEW), None
        )
        if few is None:
            return None
        values += few
    return [each for key, each in {key_of(each): each for each in values}.items()]


def _kinds_of(choice: Choice) -> list[str]:
    """The types of what there is to choose from; none where one of them may be anything."""
    kinds: list[str] = []
    for schemas in choice:
        told = next((each["type"] for each in schemas if "type" in each), None)
        if told is None:
            return []
        kinds += [told] if isinstance(told, str) else told
    return list(dict.fromkeys(kinds))


def key_of(value: Any) -> Hashable:
    """The same for what JSON Schema takes for equal: 1 and 1.0, and not 1 and true."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def question_of(path: Path) -> str:
    """The name of the question for a field: its JSON pointer, or a digest of that where it could be no name.

    No pointer begins as a digest does: a tilde is followed by 0 or 1 there.
    """
    named = pointer(path)
    if len(named) <= MAX_ID and not CONTROL.search(named):
        return named
    return f"/~{hashlib.sha256(named.encode()).hexdigest()}"


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)
