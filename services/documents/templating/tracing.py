"""Finds the values that were written, says where each stands and is from, and takes the marks of them away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lxml import etree

from services.documents.opc.packages import Package
from services.documents.placeholders.filling import BREAK, TAB, Filled, set_breaks
from services.documents.placeholders.models import Entry, Source
from services.documents.placeholders.paragraphs import SPACE, Paragraph, paragraphs
from services.documents.placeholders.runs import run_style
from services.documents.templating.sandbox import BEGIN, END, NUMBERED, Written
from services.documents.templating.values import path_of, pointer_of

VALUE = re.compile(f"{BEGIN}([0-9]+){NUMBERED}(.*?){END}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """What writes a value: its tag, and the paths of the payload that its expression is made of."""

    tag: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part whose values are told."""

    name: str
    written: Sequence[Written]
    places: Sequence[Place]
    filled: Filled


def settle(
    package: Package,
    name: str,
    root: etree._Element,
    written: Sequence[Written],
    places: Sequence[Place],
    filled: Filled,
) -> None:
    """Makes a rendered tree the part of the package; adds to `filled` what became of each value that was written."""
    part = _Part(name, written, places, filled)
    kind = next((kind for story, kind in package.stories() if story == name), "")
    story = "body" if kind == "document" else PurePosixPath(name).stem
    for number, paragraph in enumerate(paragraphs(root, story) if kind else ()):
        _settle_paragraph(part, number, paragraph)
    for element in root.iter(etree.Element):
        _settle_rest(part, element)
    package.trees[name] = root
    package.changed(name)


def _settle_paragraph(part: _Part, number: int, paragraph: Paragraph) -> None:
    text, letters = paragraph.letters()
    if BEGIN not in text:
        return
    taken = 0
    # Where each run begins in the text without marks.
    begins: dict[int, int] = {}
    read = 0
    for found in VALUE.finditer(text):
        for at in range(read, found.start() + 1):
            begins.setdefault(letters[at].run, at - taken)
        read = found.end()
        value, start = _plain(found[2]), found.start() - taken
        taken += len(found[0]) - len(value)
        run = letters[found.start()].run
        run_id = paragraph.run_id(run)
        _tell(part, int(found[1]), value, (paragraph.path, number, run_id, start, begins[run]))
        if not part.written[int(found[1])].missing:
            part.filled.touched.setdefault(run_id, run_style(paragraph.runs[run]))
    for element in {letter.element: None for letter in letters if letter.element is not None}:
        if BEGIN in (element.text or ""):
            element.text = VALUE.sub(lambda found: found[2], element.text or "")
            element.set(SPACE, "preserve")
            set_breaks(element)


def _settle_rest(part: _Part, element: etree._Element) -> None:
    """In attributes, in instructions of fields, in properties: what is no text of a paragraph."""
    tag = etree.QName(element).localname
    for name, value in element.attrib.items():
        if BEGIN in str(value):
            element.set(name, _without_marks(part, f"{tag}@{etree.QName(name).localname}", str(value)))
    if element.text and BEGIN in element.text:
        element.text = _without_marks(part, tag, element.text)
    if element.tail and BEGIN in element.tail:
        element.tail = _without_marks(part, "", element.tail)


def _without_marks(part: _Part, path: str, text: str) -> str:
    plain, read = "", 0
    for found in VALUE.finditer(text):
        plain += text[read : found.start()]
        value = _plain(found[2])
        _tell(part, int(found[1]), value, (path, None, "", len(plain), 0))
        plain, read = plain + value, found.end()
    return plain + text[read:]


def _plain(text: str) -> str:
    return text.replace(BREAK, "\n").replace(TAB, "\t")


def _tell(part: _Part, number: int, value: str, where: tuple[str, int | None, str, int, int]) -> None:
    """One value: a line of the log and, unless it is missing, a row of the manifest."""
    path, paragraph, run_id, start, run_begins = where
    written = part.written[number]
    place = part.places[written.place]
    name = written.missing or (path_of(written.steps) if written.steps else ", ".join(place.paths))
    end = start + len(value)
    entry = Entry(
        "missing" if written.missing else "replaced",
        name,
        part.name,
        path,
        run_id,
        start - run_begins,
        end - run_begins,
        place.tag,
        "" if written.missing else value,
        "no_value" if written.missing else "",
    )
    part.filled.entries.append(entry)
    if not written.missing:
        key = pointer_of(written.steps) if written.steps else ""
        source = Source(name, key, part.name, paragraph, path, start, end, value, () if key else place.paths)
        part.filled.sources.append(source)
