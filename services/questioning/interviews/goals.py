"""The engine of a conversation: made of its goal once, and kept as long as others need the room less."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from cachetools import LRUCache

from services.questioning import errors
from services.questioning.engines.bank import Bank, InvalidBankError, read_bank
from services.questioning.engines.engine import Engine
from services.questioning.engines.form import Form
from services.questioning.engines.information_gain import InformationGain
from services.questioning.engines.topics import Topics
from services.questioning.models import Goal


class Engines:
    """Gives the engine that reaches a goal. Engines are pure, so conversations with one goal share one."""

    def __init__(self, kept: int) -> None:
        self._kept: LRUCache[bytes, Engine] = LRUCache(kept)

    def of(self, goal: Goal, context: str) -> Engine:
        """The engine for a goal.

        Raises:
            ServiceError: SCHEMA_INVALID, BANK_INVALID.
        """
        told = orjson.dumps([goal, context if goal.engine == "topics" else ""], option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(told).digest()
        if key not in self._kept:
            self._kept[key] = _made(goal, context)
        return self._kept[key]


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
