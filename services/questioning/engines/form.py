"""The engine that fills a JSON Schema: what is missing, what decides about further questions first."""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from servicekit.schemas import COMPILED_BYTES, Schema, schema_invalid
from services.questioning.engines import values
from services.questioning.engines.engine import Answers, UnfitAnswerError, UnknownQuestionError
from services.questioning.engines.fields import TYPES, Field, key_of, pointer, question_of
from services.questioning.engines.subschemas import BRANCHES, Choice, Document, Path, Subschemas
from services.questioning.models import Candidate, Contradiction, Known, Progress

MAX_FIELDS = 500
# A condition may hang on a condition, so far.
MAX_ROUNDS = 50
# How deep objects may stand in objects.
MAX_DEPTH = 16
ABSENT = object()


class Form:
    """Asks for what an object lacks until it is complete."""

    def __init__(self, schema: Document, *, include_optional: bool = False) -> None:
        """Reads the schema.

        Args:
            schema: of an object.
            include_optional: whether what may be left out is asked for too.

        Raises:
            ServiceError: SCHEMA_INVALID.
        """
        self._whole = Schema(schema, "schema")
        if not {"properties", "$ref", "allOf", *BRANCHES} & schema.keys():
            raise schema_invalid("schema", "it describes no object with properties, so there is nothing to ask")
        self._schema = schema
        self._subschemas = Subschemas(schema)
        self._include_optional = include_optional
        canonical = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
        self._name = str(schema.get("$id") or schema.get("title") or hashlib.sha256(canonical).hexdigest())

    @property
    def memory_bytes(self) -> int:
        """About what it takes once every part is compiled."""
        return self._whole.memory_bytes + COMPILED_BYTES * self._subschemas.max_bytes

    def advance(self, answers: Answers) -> Progress:
        """What is known, and what to ask next."""
        fields, value, invalid = self._filled(answers)
        ids = [each.id for each in fields]
        waiting = [each for each in fields if each.id not in answers or each.id in invalid]
        missing = [name for name in ids if name in answers and not answers[name].valued]
        contradictions = [] if waiting or missing else self._contradictions(value, fields)
        waiting = waiting or [each for each in fields if any(each.id in found.questions for found in contradictions)]
        waiting.sort(key=lambda each: not each.deciding)
        stopped = ""
        if not waiting:
            stopped = "contradictory" if contradictions else "nothing_left" if missing else "complete"
        return Progress(
            [self._candidate(each, answers, invalid) for each in waiting],
            stopped,
            value,
            len(waiting),
            invalid,
            [name for name, known in answers.items() if name not in ids and known.valued],
            missing,
            contradictions,
        )

    def read(self, question_id: str, said: Any, answers: Answers) -> Known:
        """What an answer says."""
        found = next((each for each in self._filled(answers)[0] if each.id == question_id), None)
        if found is None:
            raise UnknownQuestionError(question_id)
        state = values.state_of(said, found.options)
        return Known(state) if state else Known("given", self._value(found, said))

    def _value(self, field: Field, said: Any) -> Any:
        """The value that an answer means, which fits."""
        enum, kinds = field.enum, field.kinds
        if enum is not None:
            value = _one_of(enum, field.options, said)
        elif len(kinds) > 1:
            return self._of_some_kind(field, said)
        else:
            value = self._with_items(field, values.READERS[field.answer_type](said, ()))
        self._require_fit(field, value)
        return value

    def _of_some_kind(self, field: Field, said: Any) -> Any:
        """Text where that fits; else what it says as the first type that it fits."""
        for kind in sorted(field.kinds, key=lambda each: each != "string"):
            try:
                value = self._with_items(field, values.READERS[TYPES[kind]](said, ()))
                self._require_fit(field, value)
            except UnfitAnswerError:
                continue
            return value
        raise UnfitAnswerError(f"is to be a value of one of the types {', '.join(field.kinds)}, and to fit")

    def _with_items(self, field: Field, value: Any) -> Any:
        """The items of a list as their schema has them: read as answers by themselves where they are text."""
        items = field.says("items")
        if not isinstance(value, list) or not isinstance(items, dict):
            return value
        schemas, choices = self._subschemas.single([items])
        inner = Field((*field.path, "*"), schemas, choices=choices)
        return [self._value(inner, each) if isinstance(each, str) else each for each in value]

    def _require_fit(self, field: Field, value: Any) -> None:
        if field.enum is not None and key_of(value) not in map(key_of, field.enum):
            raise UnfitAnswerError(f"is to be one of {', '.join(field.options)}")
        for schema in field.schemas:
            faults = self._subschemas.faults(schema, value)
            if faults:
                raise UnfitAnswerError(f"does not fit: {faults[0].description}")

    def _filled(self, answers: Answers) -> tuple[list[Field], dict[str, Any], dict[str, str]]:
        """The fields that there are with these answers, the object that they make, and the answers that fit no more."""
        value: dict[str, Any] = {}
        before: tuple[object, ...] = ()
        # Each answer may bring fields into being, narrow others or take them away, until nothing changes any more.
        for _ in range(MAX_ROUNDS):
            fields = list(islice(self._fields([self._schema], value, answers, ()), MAX_FIELDS + 1))
            if len(fields) > MAX_FIELDS:
                raise schema_invalid("schema", f"it has more than {MAX_FIELDS} fields to ask for")
            invalid: dict[str, str] = {}
            filled: dict[str, Any] = {}
            for each in fields:
                self._place(each, answers, filled, invalid)
            if (filled, fields) == before:
                break
            before = filled, fields
            value = copy.deepcopy(filled)
        return fields, value, invalid

    def _place(self, field: Field, answers: Answers, value: dict[str, Any], invalid: dict[str, str]) -> None:
        known = answers.get(field.id)
        if known is None or not known.valued:
            return
        try:
            self._require_fit(field, known.value)
        except UnfitAnswerError as error:
            invalid[field.id] = str(error)
            return
        inner = value
        for part in field.path[:-1]:
            inner = inner.setdefault(part, {})
        inner[field.path[-1]] = known.value

    def _fields(self, schemas: list[Document], value: dict[str, Any], answers: Answers, path: Path) -> Iterator[Field]:
        """The fields of an object that are asked for or known; what can be but one value is filled in."""
        applying = self._subschemas.applying(schemas, value, Settled(answers, path))
        properties: dict[str, list[Document]] = {}
        for schema in applying.schemas:
            for name, each in schema.get("properties", {}).items():
                properties.setdefault(name, []).extend([each] if isinstance(each, dict) else [])
        required = [name for schema in applying.schemas for name in schema.get("required", ())]
        beside = sorted(properties) if self._include_optional else list(value)
        for name in dict.fromkeys([*required, *applying.deciding, *beside]):
            described, choices = self._subschemas.single(properties.get(name, []))
            allowed = applying.branches.get(name)
            field = Field((*path, name), described, name in applying.deciding, allowed, choices)
            constant = field.says("const", ABSENT)
            if constant is not ABSENT and not field.deciding and field.id not in answers:
                value[name] = constant
            elif _is_object(described, choices) and len(path) < MAX_DEPTH:
                inner = value.get(name)
                if not isinstance(inner, dict):
                    # What was answered while it was none is no question any more.
                    inner = {}
                    if name in required:
                        value[name] = inner
                yield from self._fields(properties[name], inner, answers, (*path, name))
            else:
                yield field

    def _candidate(self, field: Field, answers: Answers, invalid: Mapping[str, str]) -> Candidate:
        why = ""
        if field.id in invalid:
            why = f"The answer {answers[field.id].value!r} holds no longer: it {invalid[field.id]}."
        return field.candidate(self._name, why)

    def _contradictions(self, value: Mapping[str, Any], fields: list[Field]) -> list[Contradiction]:
        """What is wrong with the object as a whole, though each answer by itself fits."""
        faults = self._whole.faults(value)
        return [
            Contradiction([each.id for each in fields if _meets(pointer(each.path), fault.field)], fault.description)
            for fault in faults
        ]


class Settled:
    """The properties of an object that were asked for in vain."""

    def __init__(self, answers: Answers, path: Path) -> None:
        self._answers = answers
        self._path = path

    def __contains__(self, name: object) -> bool:
        known = self._answers.get(question_of((*self._path, str(name))))
        return known is not None and not known.valued


def _is_object(described: list[Document], choices: Sequence[Choice]) -> bool:
    """Whether what is asked for are the fields of a value."""
    branches = [schema for choice in choices for schemas in choice for schema in schemas]
    return any("properties" in each for each in (*described, *branches)) or any(
        each.keys() & set(BRANCHES) for each in branches
    )


def _one_of(enum: Sequence[Any], options: Sequence[str], said: Any) -> Any:
    """The value that is meant: itself, or what people read for it."""
    if isinstance(said, str):
        return enum[options.index(values.READERS["choice"](said, options))]
    found = [each for each in enum if key_of(each) == key_of(said)]
    if not found:
        raise UnfitAnswerError(f"is to be one of {', '.join(options)}")
    return found[0]


def _meets(name: str, path: str) -> bool:
    """Whether a fault at a path is about a field, or about what it is part of; one of the whole is about none."""
    return path != "/" and (name == path or name.startswith(f"{path}/") or path.startswith(f"{name}/"))
