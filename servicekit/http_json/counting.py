"""Counts what a JSON text holds before it is read, which costs by what is in it and lets nobody else run meanwhile."""

import re

# What brings a value, where it does not stand in a string; where lists and objects end, and where a string begins.
MARKS = re.compile(r'[,\[{\]}"]')
# Where the reader gives up by itself.
TOO_DEEP = 1_000
# A string up to its end, or a part: a match cannot be interrupted, so it is none of four million escapes.
WITHIN = re.compile(r'(?:[^"\\]++|\\.){0,1000}+', re.DOTALL)


def holds_more(text: str, values: int) -> bool:
    """Whether a text holds more values than that for certain; where not, it holds twice as many at most.

    A list or an object is a value, and of those in it all but one come after a comma.
    """
    if text.count(",") <= values and text.count("[") + text.count("{") <= values + 1:
        return False
    commas = opened = closed = strings = at = 0
    while mark := MARKS.search(text, at):
        at = mark.end()
        if mark[0] == ",":
            commas += 1
        elif mark[0] == '"':
            strings += 1
            at = _end_of_string(text, at)
        elif mark[0] in "[{":
            opened += 1
        else:
            closed += 1
        if commas > values or opened > values + 1:
            return True
        if strings > 2 * (values + 1) or opened - closed > TOO_DEEP:
            # JSON has no more strings between so few commas: it is none, and is told so where it is read.
            return False
    return False


def _end_of_string(text: str, at: int) -> int:
    while part := WITHIN.match(text, at):
        if part.end() == at:
            break
        at = part.end()
    return at + 1
