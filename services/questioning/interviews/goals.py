"""The engine of a conversation: made of its goal once, and kept as long as others need the room less."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from cachetools import LRUCache

from servicekit.large import beside
from services.questioning import errors
from services.questioning.engines.bank import Bank, InvalidBankError, read_bank
from services.questioning.engines.engine import Answers, Engine
from services.questioning.engines.form import Form
from services.questioning.engines.information_gain import InformationGain
from services.questioning.engines.topics import Topics
from services.questioning.engines.written import WrittenQuestions
from services.questioning.models import Goal, Known, Progress, Written

# How much longer a step takes than reading as many bytes.
LOOKS = 8


class EngineBeside:
    """An engine whose work on a large goal is done beside the loop, so that other calls have their turns."""

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._size = size
        self.memory_bytes = engine.memory_bytes

    async def advance(self, answers: Answers) -> Progress:
        """As Engine has it."""
        return await beside(self._size, self._engine.advance, answers)

    async def read(self, question_id: str, said: Any, answers: Answers) -> Known:
        """As Engine has it."""
        return await beside(self._size, self._engine.read, question_id, said, answers)


class Engines:
    """Gives the engine that reaches a goal. Engines are pure, so conversations with one goal share one."""

    def __init__(self, max_bytes: int) -> None:
        self._kept: LRUCache[bytes, EngineBeside] = LRUCache(max_bytes, getsizeof=lambda engine: engine.memory_bytes)

    async def of(self, goal: Goal, context: str, written: Written | None = None) -> EngineBeside:
        """The engine for a goal, or for what was written.

        Raises:
            ServiceError: SCHEMA_INVALID, BANK_INVALID.
        """
        if written is not None:
            return EngineBeside(WrittenQuestions(written), 0)
        told = orjson.dumps([goal, context if goal.engine == "topics" else ""], option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(told).digest()
        if key in self._kept:
            return self._kept[key]
        # A step looks at every part of a goal, and more than once.
        size = LOOKS * len(told)
        engine = EngineBeside(await beside(size, _made, goal, context), size)
        if engine.memory_bytes <= self._kept.maxsize:
            self._kept[key] = engine
        return engine


def bank_of(document: Mapping[str, Any]) -> Bank:
    """A bank of its document.

    Raises:
        ServiceError: BANK_INVALID.
    """
    try:
        return read_bank(document)
    except InvalidBankError as error:
        raise errors.bank_invalid(error.faults) from None


def _made(goal: Goal, context: str) -> Engine:
    if goal.schema is not None:
        return Form(goal.schema, include_optional=goal.include_optional)
    return Topics(context) if goal.bank is None else InformationGain(bank_of(goal.bank))
