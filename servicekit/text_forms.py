"""Unicode's compatibility form (NFKC) of text that strangers wrote, in time that grows with the text."""

import unicodedata
from functools import cache

# As many marks as Unicode's own stream-safe format (UAX 15) lets follow each other; no writing has more.
MAX_MARKS = 30


class TooManyMarksError(ValueError):
    """More marks stand on one letter than any writing has: to sort a million of them would take hours."""


def compatible(text: str) -> str:
    """The text with its compatible letters as one.

    Raises:
        TooManyMarksError: it is not known.
    """
    if text.isascii():
        return text
    if _has_many_marks(text):
        raise TooManyMarksError
    return unicodedata.normalize("NFKC", text)


def without_unseen(text: str) -> str:
    """The text without what nobody sees: signs of form (Cf)."""
    return text if text.isascii() else text.translate(_unseen())


def _has_many_marks(text: str) -> bool:
    # One of so many that follow each other stands at one of these places.
    for place in range(MAX_MARKS, len(text), MAX_MARKS + 1):
        if unicodedata.combining(text[place]):
            first = last = place
            while first and unicodedata.combining(text[first - 1]) and place - first < MAX_MARKS:
                first -= 1
            while last + 1 < len(text) and unicodedata.combining(text[last + 1]) and last - first < MAX_MARKS:
                last += 1
            if last - first >= MAX_MARKS:
                return True
    return False


@cache
def _unseen() -> dict[int, None]:
    return {number: None for number in range(0x110000) if unicodedata.category(chr(number)) == "Cf"}
