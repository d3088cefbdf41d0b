"""Paragraphs of a part, wherever they stand, and their text as runs hold it."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from services.documents.opc.packages import W

P, R, T = f"{{{W}}}p", f"{{{W}}}r", f"{{{W}}}t"
TABLE, ROW, CELL, BOX = f"{{{W}}}tbl", f"{{{W}}}tr", f"{{{W}}}tc", f"{{{W}}}txbxContent"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
NOTES = {f"{{{W}}}footnote": "footnote", f"{{{W}}}endnote": "endnote", f"{{{W}}}comment": "comment"}
# What takes a place in the text of a run without being a letter.
MARKS = {f"{{{W}}}tab": "\t", f"{{{W}}}br": "\n", f"{{{W}}}cr": "\n"}
SPACE = "{http://www.w3.org/XML/1998/namespace}space"
# Names of the steps on the way to a paragraph, each counted among its like beside it.
STEPS = {TABLE: "tbl", ROW: "tr", CELL: "tc", BOX: "txbx", P: "p", **NOTES}


@dataclass(frozen=True, slots=True)
class Letter:
    """One character of a paragraph: its run by number, and its place in a text element; marks have none."""

    run: int
    element: etree._Element | None
    offset: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, the way to it (`body/tbl[0]/tr[1]/tc[0]/p[0]`), and its runs."""

    element: etree._Element
    path: str
    runs: tuple[etree._Element, ...]

    def run_id(self, number: int) -> str:
        return f"{self.path}/r[{number}]"

    def letters(self) -> tuple[str, list[Letter]]:
        """The text, and where each character of it stands."""
        text: list[str] = []
        letters: list[Letter] = []
        for number, run in enumerate(self.runs):
            for child in run:
                if child.tag == T:
                    written = child.text or ""
                    text.append(written)
                    letters += [Letter(number, child, offset) for offset in range(len(written))]
                elif child.tag in MARKS:
                    text.append(MARKS[child.tag])
                    letters.append(Letter(number, None, 0))
        return "".join(text), letters

    @property
    def text(self) -> str:
        return self.letters()[0]


def paragraphs(root: etree._Element, story: str) -> Iterator[Paragraph]:
    """All of a part, in the order of the document; those of a text box after the paragraph that it hangs on.

    The older form that Word keeps beside each text box counts as one of its own.
    """
    start = root.find(f"{{{W}}}body")
    yield from _below(root if start is None else start, story, {})


def _below(parent: etree._Element, path: str, counts: dict[str, int]) -> Iterator[Paragraph]:
    """`counts` are of what stands beside each other below one step; wrappers such as content controls are no step."""
    for child in parent:
        step = STEPS.get(child.tag)
        if step is None:
            if len(child):
                yield from _below(child, path, counts)
            continue
        number = counts.get(step, 0)
        counts[step] = number + 1
        here = f"{path}/{step}[{number}]"
        if child.tag == P:
            yield Paragraph(child, here, tuple(_runs(child)))
        yield from _below(child, here, {})


def _runs(parent: etree._Element) -> Iterator[etree._Element]:
    """The runs of a paragraph, in links and content controls too; not those of text boxes."""
    for child in parent:
        if child.tag == R:
            yield child
        elif child.tag not in STEPS and len(child):
            yield from _runs(child)
