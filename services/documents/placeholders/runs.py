"""How a run is formatted, as far as anybody asks: whether two are alike, and its fonts and size."""

from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from services.documents.opc.packages import W

PROPERTIES, FONTS, SIZE = f"{{{W}}}rPr", f"{{{W}}}rFonts", f"{{{W}}}sz"
TEXT = f"{{{W}}}t"
# Of the format nobody sees these: the language of a text, marks of the spelling checker.
UNSEEN = {f"{{{W}}}lang", f"{{{W}}}noProof"}
# What may stand beside or in a run that a placeholder goes through: it is no text and moves with it.
BETWEEN = {f"{{{W}}}proofErr", f"{{{W}}}bookmarkStart", f"{{{W}}}bookmarkEnd"}
WITHIN = {PROPERTIES, TEXT, f"{{{W}}}lastRenderedPageBreak"}
HALF_POINTS = 2


def same_format(runs: Sequence[etree._Element]) -> bool:
    """Whether these are runs of one parent in a row that look alike and hold nothing but text."""
    parents = {run.getparent() for run in runs}
    if len(parents) != 1 or len({_canonical(run) for run in runs}) != 1:
        return False
    following: etree._Element | None = runs[0]
    while following is not None and following is not runs[-1]:
        if following not in runs and following.tag not in BETWEEN:
            return False
        following = following.getnext()
    return all(child.tag in WITHIN for run in runs for child in run)


def _canonical(run: etree._Element) -> tuple[bytes, ...]:
    properties = run.find(PROPERTIES)
    if properties is None:
        return ()
    return tuple(sorted(etree.tostring(each, method="c14n") for each in properties if each.tag not in UNSEEN))


def run_style(run: etree._Element) -> Mapping[str, Any]:
    """The fonts and the size that the run itself says; None for what it inherits."""
    fonts, size = run.find(f"{PROPERTIES}/{FONTS}"), run.find(f"{PROPERTIES}/{SIZE}")
    return {
        "font_latin": None if fonts is None else fonts.get(f"{{{W}}}ascii"),
        "font_east_asia": None if fonts is None else fonts.get(f"{{{W}}}eastAsia"),
        "size_pt": None if size is None else _points(size.get(f"{{{W}}}val", "")),
    }


def _points(half_points: str) -> float | None:
    try:
        return int(half_points) / HALF_POINTS
    except ValueError:
        return None
