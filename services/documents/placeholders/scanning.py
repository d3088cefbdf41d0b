"""Finds placeholders in a paragraph's text, and brackets that are none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

OPEN, CLOSE = "【", "】"
NAME = re.compile(r"[A-Z0-9_]+")
BRACKETS = re.compile(f"[{OPEN}{CLOSE}]")
# A bracket that is no placeholder, by what is wrong with it.
Fault = Literal["invalid_format", "stray_close", "unclosed_bracket"]


@dataclass(frozen=True, slots=True)
class Found:
    """A placeholder with its name, or a fault; from `start` to `end` in the paragraph's text."""

    start: int
    end: int
    text: str
    name: str = ""
    fault: Fault | None = None


def scan(text: str) -> Iterator[Found]:
    """All of a paragraph, from left to right; none of them overlap."""
    opened: int | None = None
    for bracket in BRACKETS.finditer(text):
        at = bracket.start()
        if bracket[0] == OPEN:
            if opened is not None:
                yield Found(opened, at, text[opened:at], fault="unclosed_bracket")
            opened = at
        elif opened is None:
            yield Found(at, at + 1, CLOSE, fault="stray_close")
        else:
            inner = text[opened + 1 : at]
            whole = text[opened : at + 1]
            if NAME.fullmatch(inner):
                yield Found(opened, at + 1, whole, name=inner)
            else:
                yield Found(opened, at + 1, whole, fault="invalid_format")
            opened = None
    if opened is not None:
        yield Found(opened, len(text), text[opened:], fault="unclosed_bracket")
