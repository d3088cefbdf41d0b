"""Puts values where a template has placeholders for them, and tells what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from lxml import etree

from services.documents.opc.packages import Package, W
from services.documents.placeholders.models import Entry, Source
from services.documents.placeholders.paragraphs import SPACE, Letter, Paragraph, T, paragraphs
from services.documents.placeholders.runs import run_style, same_format
from services.documents.placeholders.scanning import Found, scan

CROSS_RUN = "cross_run"
# What stands for a line break and for a tab until the text is in place: no text of a person has these.
BREAK, TAB = "\ufdd0", "\ufdd1"
ELEMENTS = {BREAK: f"{{{W}}}br", TAB: f"{{{W}}}tab"}


@dataclass(frozen=True, slots=True)
class Values:
    """What there is to put in: texts by the names of their placeholders, the key of each, and which are required."""

    texts: Mapping[str, str]
    keys: Mapping[str, str]
    required: frozenset[str]


@dataclass(slots=True)
class Filled:
    """What became of a template; where it was `blocked`, nothing was put in."""

    entries: list[Entry] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    # The runs that values were put in, as the template has them: their ids and styles.
    touched: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    blocked: bool = False

    @property
    def unsupported(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.status == "unsupported"]

    @property
    def field_names(self) -> list[str]:
        """Each once, in the order of the template."""
        return list(dict.fromkeys(entry.field_name for entry in self.entries if entry.field_name))

    def missing(self, values: Values) -> tuple[list[str], list[str]]:
        """The keys without a value that the template asks for: the required ones, the others."""
        without = [name for name in self.field_names if name not in values.texts]
        keys = [values.keys.get(name, name.lower()) for name in without]
        return [key for key in keys if key in values.required], [key for key in keys if key not in values.required]


@dataclass(frozen=True, slots=True)
class _Place:
    """A paragraph with brackets in it."""

    part: str
    number: int
    paragraph: Paragraph
    letters: Sequence[Letter]
    found: Sequence[Found]


def fill(package: Package, values: Values, *, despite_unsupported: bool) -> Filled:
    """Fills all parts with text; nothing at all where a placeholder is unsupported, unless told otherwise."""
    places = list(_places(package))
    filled = Filled([entry for place in places for entry in _entries(place, values)])
    if filled.unsupported and not despite_unsupported:
        filled.blocked = True
        filled.entries = [_left(entry) for entry in filled.entries]
        return filled
    for place in places:
        _replace(place, values, filled)
    for part in dict.fromkeys(source.part for source in filled.sources):
        package.changed(part)
    return filled


def survey(package: Package, values: Values) -> Filled:
    """What filling would find; the package stays as it is."""
    return Filled([entry for place in _places(package) for entry in _entries(place, values)])


def _left(entry: Entry) -> Entry:
    """As it is when nothing was put in."""
    return replace(entry, status="missing", new_text="", reason="blocked") if entry.status == "replaced" else entry


def _places(package: Package) -> Iterator[_Place]:
    for part, kind in package.stories():
        story = "body" if kind == "document" else PurePosixPath(part).stem
        for number, paragraph in enumerate(paragraphs(package.tree(part), story)):
            text, letters = paragraph.letters()
            if found := list(scan(text)):
                yield _Place(part, number, paragraph, letters, found)


def _entries(place: _Place, values: Values) -> Iterator[Entry]:
    for found in place.found:
        first = place.letters[found.start]
        run_start = next(at for at, letter in enumerate(place.letters) if letter.run == first.run)
        crosses = place.letters[found.end - 1].run != first.run
        text = values.texts.get(found.name)
        reason = found.fault or (CROSS_RUN if crosses else "")
        if found.fault or (crosses and not _is_safe(place, found)):
            status, text = "unsupported", None
        elif text is None:
            status = "missing"
            reason = reason or ("no_value" if found.name in values.keys else "unknown_field")
        else:
            status = "replaced"
        yield Entry(
            status=status,  # type: ignore[arg-type]
            field_name=found.name,
            part=place.part,
            paragraph_path=place.paragraph.path,
            run_id=place.paragraph.run_id(first.run),
            start=found.start - run_start,
            end=found.end - run_start,
            original_text=found.text,
            new_text=text or "",
            reason=reason,
        )


def _is_safe(place: _Place, found: Found) -> bool:
    """Whether runs may be taken for one: beside each other, formatted alike, with nothing but text between the ends."""
    letters = place.letters[found.start : found.end]
    runs = [place.paragraph.runs[number] for number in range(letters[0].run, letters[-1].run + 1)]
    return all(letter.element is not None for letter in letters) and same_format(runs)


def _replace(place: _Place, values: Values, filled: Filled) -> None:
    wanted = [each for each in place.found if _fits(place, each, values)]
    shift = 0
    for found in wanted:
        text = _normal(values.texts[found.name])
        start = found.start + shift
        shift += len(text) - (found.end - found.start)
        key = values.keys[found.name]
        filled.sources.append(
            Source(found.name, key, place.part, place.number, place.paragraph.path, start, start + len(text), text)
        )
        run = place.letters[found.start].run
        filled.touched.setdefault(place.paragraph.run_id(run), run_style(place.paragraph.runs[run]))
    # From the right, so that what is to the left stays where it was.
    for found in reversed(wanted):
        _write(place.letters[found.start : found.end], _normal(values.texts[found.name]))
    for element in {letter.element: None for letter in place.letters if letter.element is not None}:
        set_breaks(element)


def _fits(place: _Place, found: Found, values: Values) -> bool:
    if found.fault or found.name not in values.texts:
        return False
    return place.letters[found.start].run == place.letters[found.end - 1].run or _is_safe(place, found)


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _write(letters: Sequence[Letter], text: str) -> None:
    """Instead of these letters, into the element of the first."""
    text = text.replace("\n", BREAK).replace("\t", TAB)
    spans: dict[etree._Element, list[int]] = {}
    for letter in letters:
        if letter.element is not None:
            spans.setdefault(letter.element, []).append(letter.offset)
    for number, (element, offsets) in enumerate(spans.items()):
        written = element.text or ""
        element.text = written[: offsets[0]] + (text if number == 0 else "") + written[offsets[-1] + 1 :]
        element.set(SPACE, "preserve")


def set_breaks(element: etree._Element) -> None:
    """Line breaks and tabs are elements beside the text."""
    pieces: list[str] = [""]
    for letter in element.text or "":
        if letter in ELEMENTS:
            pieces += [letter, ""]
        else:
            pieces[-1] += letter
    element.text = pieces[0]
    after = element
    for piece in pieces[1:]:
        new = etree.Element(ELEMENTS.get(piece, T))
        if piece not in ELEMENTS:
            new.text = piece
            new.set(SPACE, "preserve")
        after.addnext(new)
        after = new
