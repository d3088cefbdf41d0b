"""Text of strangers as people may trust what they see: nothing invisible, nothing that turns what stands beside it."""

import re
import unicodedata

# Joiners belong to emoji and to the writing of Persian and of India; between other characters they only hide.
JOINERS = "\u200c\u200d"
EMOJI_STYLE = "\ufe0f"
# Letters that look like nothing, though they are none of the categories of invisible ones.
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
INVISIBLE = {"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"}
LINES = "\n\t"
PART = re.compile(f"[{JOINERS}{EMOJI_STYLE}]")
WORD = re.compile(r"[^\W\d_]+")
PLAIN_LETTER = re.compile("[A-Za-z]")
# Scripts, and styles of letters, that have twins of Latin ones.
ALIKE = {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "MATHEMATICAL", "FULLWIDTH", "DOUBLE-STRUCK"}


def visible(text: str) -> str:
    """The text with the number of each character that nobody sees, or that stands for one of another script."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    # Joiners by where they stand; all else by what it is: of long texts few characters are different ones.
    text = PART.sub(lambda one: one[0] if _belongs(text, one.start()) else _number(one[0]), text)
    unseen = (one for one in set(text) if one not in LINES and one not in JOINERS + EMOJI_STYLE and _is_unseen(one))
    text = text.translate({ord(one): _number(one) for one in unseen})
    return WORD.sub(lambda word: _unmixed(word[0]), text)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in INVISIBLE or character in BLANKS or _selects(character)


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
    """A word; of one of Latin and other letters those that look like Latin ones with their numbers."""
    if word.isascii() or not PLAIN_LETTER.search(word):
        return word
    scripts = [unicodedata.name(letter, "").partition(" ")[0] for letter in word]
    return "".join(
        letter + _number(letter) if script in ALIKE else letter for letter, script in zip(word, scripts, strict=True)
    )


def _number(character: str) -> str:
    return f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{ord(character):04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"
