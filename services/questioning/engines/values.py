"""Answers read: from words as people write them, and from JSON values, to what the question asks for."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from servicekit.json_values import EXACT, exact_fraction
from services.questioning.engines.engine import UnfitAnswerError
from services.questioning.models import AnswerState, AnswerType, Known

# Whole answers only: a sentence that has such words in it may say anything.
UNKNOWN = {
    *("i don't know", "i dont know", "don't know", "dont know", "do not know", "i do not know"),
    *("no idea", "dunno", "not sure", "i'm not sure"),
}
DECLINED = {
    *("i'd rather not say", "i would rather not say", "rather not say", "prefer not to say"),
    *("i decline", "no comment"),
}
NOT_APPLICABLE = {"not applicable", "n/a", "does not apply"}
STATES: Mapping[AnswerState, set[str]] = {"unknown": UNKNOWN, "declined": DECLINED, "not_applicable": NOT_APPLICABLE}

YES = {"yes", "y", "true", "yeah", "yep", "correct"}
NO = {"no", "n", "false", "nope"}
# Days that everybody reads in one way: 03/04/2027 is two of them.
DATE_FORMS = ("%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y")
INTEGER = re.compile(r"[+-]?\d{1,16}")
NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?")
# What divides a list that is written as text.
DIVIDERS = re.compile(r"[,;\n]")


def state_of(said: Any, options: Sequence[str] = ()) -> AnswerState | None:
    """The state that an answer in words means; None where it gives a value, as an option that is called so does."""
    if not isinstance(said, str) or _chosen(said, options) is not None:
        return None
    words = _plain(said)
    return next((state for state, phrases in STATES.items() if words in phrases), None)


def is_blank(said: Any) -> bool:
    """Whether nothing is said at all."""
    return said is None or (isinstance(said, str) and not said.strip())


def read(said: Any, answer_type: AnswerType, options: Sequence[str] = ()) -> Known:
    """What an answer says.

    Raises:
        UnfitAnswerError: it is none of this type.
    """
    # An option may well be called "not sure".
    state = state_of(said, options)
    return Known(state) if state else Known("given", READERS[answer_type](said, options))


def agrees(said: Any) -> bool:
    """Whether an answer says yes, and nothing else."""
    return said is True or (isinstance(said, str) and _plain(said) in YES)


def _text(said: Any, _options: Sequence[str]) -> str:
    if not isinstance(said, str):
        raise UnfitAnswerError("is to be text")
    return said.strip()


def _choice(said: Any, options: Sequence[str]) -> str:
    found = _chosen(said, options) if isinstance(said, str) else None
    if found is None:
        raise UnfitAnswerError(f"is to be one of {', '.join(options)}")
    return found


def _choices(said: Any, options: Sequence[str]) -> list[str]:
    parts = DIVIDERS.split(said) if isinstance(said, str) else said
    if not isinstance(parts, list) or not parts:
        raise UnfitAnswerError(f"is to be some of {', '.join(options)}")
    return [_choice(part, options) for part in parts]


def _yes_no(said: Any, _options: Sequence[str]) -> bool:
    if isinstance(said, bool):
        return said
    words = _plain(said) if isinstance(said, str) else ""
    if words not in YES | NO:
        raise UnfitAnswerError("is to be yes or no")
    return words in YES


def _integer(said: Any, _options: Sequence[str]) -> int:
    if isinstance(said, str) and INTEGER.fullmatch(said.strip()):
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int | float) or not float(said).is_integer():
        raise UnfitAnswerError("is to be a whole number, as 1200")
    if abs(said) >= EXACT:
        raise UnfitAnswerError(f"is to be a whole number below {EXACT:,}, which JSON carries as it is")
    return int(said)


def _number(said: Any, _options: Sequence[str]) -> float | int:
    if isinstance(said, str) and NUMBER.fullmatch(said.strip()):
        whole = INTEGER.fullmatch(said.strip())
        number = int(said) if whole and abs(int(said)) < EXACT else exact_fraction(said.strip())
        if isinstance(number, str):
            raise UnfitAnswerError("is to be a number with fewer digits, which JSON carries as it is")
        return number
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise UnfitAnswerError("is to be a number, as 1200 or 0.5")
    return said


def _date(said: Any, _options: Sequence[str]) -> str:
    if isinstance(said, str):
        for form in DATE_FORMS:
            try:
                return datetime.strptime(said.strip(), form).date().isoformat()  # noqa: DTZ007 - a day has no time zone
            except ValueError:
                continue
    raise UnfitAnswerError(f"is to be a date, as {date(2027, 3, 31).isoformat()} or 31 March 2027")


def _list(said: Any, _options: Sequence[str]) -> list[Any]:
    if isinstance(said, str):
        return [part.strip() for part in DIVIDERS.split(said) if part.strip()]
    if not isinstance(said, list):
        raise UnfitAnswerError("is to be a list")
    return said


def _object(said: Any, _options: Sequence[str]) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise UnfitAnswerError("is to be a JSON object")
    return said


READERS: Mapping[AnswerType, Callable[[Any, Sequence[str]], Any]] = {
    "text": _text,
    "choice": _choice,
    "choices": _choices,
    "yes_no": _yes_no,
    "integer": _integer,
    "number": _number,
    "date": _date,
    "list": _list,
    "object": _object,
}


def _chosen(said: str, options: Sequence[str]) -> str | None:
    """The option that is meant: by its own words, or by its number, unless an option is a number."""
    words = said.strip()
    if words in options:
        return words
    alike = [option for option in options if option.casefold() == words.casefold()]
    if len(alike) == 1:
        return alike[0]
    if INTEGER.fullmatch(words) and not any(INTEGER.fullmatch(option.strip()) for option in options):
        place = int(words)
        return options[place - 1] if 1 <= place <= len(options) else None
    return None


def _plain(said: str) -> str:
    return " ".join(said.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").rstrip(" .!").split())
