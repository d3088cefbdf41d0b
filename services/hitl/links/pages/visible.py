"""Text of strangers as people may trust what they see: nothing invisible, nothing that turns what stands beside it."""

import re
import unicodedata
from collections.abc import Iterator

# Joiners belong to emoji and to the writing of Persian and of India; between other characters they only hide.
JOINERS = "\u200c\u200d"
EMOJI_STYLE = "\ufe0f"
# Letters that look like nothing, though they are none of the categories of invisible ones.
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
INVISIBLE = {"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"}
LINES = "\n\t"
WORD = re.compile(r"[^\W\d_]+")
LATIN = "LATIN"
# Scripts, and styles of letters, that have twins of Latin ones.
ALIKE = {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "MATHEMATICAL", "FULLWIDTH", "DOUBLE-STRUCK"}


def visible(text: str) -> str:
    """The text with the number of each character that nobody sees, or that stands for one of another script."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return WORD.sub(lambda word: _unmixed(word[0]), "".join(_characters(text)))


def _characters(text: str) -> Iterator[str]:
    for at, character in enumerate(text):
        seen = character in LINES or not (
            unicodedata.category(character) in INVISIBLE or character in BLANKS or _selects(character)
        )
        yield character if seen or _belongs(text, at) else _number(character)


def _selects(character: str) -> bool:
    """Whether it is a variation selector."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _belongs(text: str, at: int) -> bool:
    """Whether an invisible character is part of how something visible is written."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] == EMOJI_STYLE:
        return bool(before) and not before.isalpha()
    return text[at] in JOINERS and all(one and not one.isascii() and one.isprintable() for one in (before, after))


def _unmixed(word: str) -> str:
    """A word; of one whose letters come from scripts that look alike, those of the other one with their numbers."""
    if word.isascii():
        return word
    scripts = [unicodedata.name(letter, "").partition(" ")[0] for letter in word]
    found = ALIKE.intersection(scripts)
    if not found or len(found | ({LATIN} & set(scripts))) == 1:
        return word
    main = LATIN if LATIN in scripts else scripts[0]
    return "".join(
        letter + _number(letter) if script in ALIKE and script != main else letter
        for letter, script in zip(word, scripts, strict=True)
    )


def _number(character: str) -> str:
    return f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{ord(character):04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"
