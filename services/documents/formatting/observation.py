"""What the format of a document is: what its paragraphs and runs say themselves, and what they inherit from styles."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from services.documents.opc.packages import WORDPROCESSING, Package, W
from services.documents.placeholders.paragraphs import Paragraph, paragraphs
from services.documents.placeholders.runs import run_style

STYLES = f"{WORDPROCESSING}styles+xml"
PROPERTIES, STYLE, INDENT, SPACING = f"{{{W}}}pPr", f"{{{W}}}pStyle", f"{{{W}}}ind", f"{{{W}}}spacing"
NUMBERING, LEVEL, ALIGNMENT = f"{{{W}}}numPr", f"{{{W}}}outlineLvl", f"{{{W}}}jc"
VALUE = f"{{{W}}}val"
# Titles and signatures are not set like running text.
APART = {"center", "right", "end", "distribute"}
# Of styles that are based on one another; what is deeper is a circle.
MAX_BASES = 20
# Less is no indent that anybody meant.
MIN_INDENT_TWIPS = 200


@dataclass(frozen=True, slots=True)
class Observed:
    """A value and whether the paragraph says it itself."""

    value: int | None
    direct: bool


class Styles:
    """The styles of a document, by which paragraphs inherit."""

    def __init__(self, package: Package) -> None:
        part = next((name for name, kind in package.types.items() if kind == STYLES), "")
        root = package.tree(part) if part else None
        found = [] if root is None else root.findall(f"{{{W}}}style")
        self._styles = {style.get(f"{{{W}}}styleId", ""): style for style in found}
        paragraph = [style for style in found if style.get(f"{{{W}}}type") == "paragraph"]
        self._default = next((s.get(f"{{{W}}}styleId", "") for s in paragraph if s.get(f"{{{W}}}default")), "")
        defaults = None if root is None else root.find(f"{{{W}}}docDefaults/{{{W}}}pPrDefault/{PROPERTIES}")
        self._document = [] if defaults is None else [defaults]

    def inherited(self, paragraph: Paragraph) -> list[etree._Element]:
        """The properties that a paragraph inherits, the nearest first."""
        named = paragraph.element.find(f"{PROPERTIES}/{STYLE}")
        name, chain = self._default if named is None else named.get(VALUE, ""), []
        for _ in range(MAX_BASES):
            style = self._styles.get(name)
            if style is None:
                break
            if (properties := style.find(PROPERTIES)) is not None:
                chain.append(properties)
            base = style.find(f"{{{W}}}basedOn")
            name = "" if base is None else base.get(VALUE, "")
        return chain + self._document


def first_line_indent(paragraph: Paragraph, styles: Styles) -> Observed:
    return _observed(paragraph, styles, _indent_of)


def line_spacing(paragraph: Paragraph, styles: Styles) -> Observed:
    return _observed(paragraph, styles, _spacing_of)


def is_numbered(paragraph: Paragraph, styles: Styles, *, direct_only: bool) -> bool:
    own = paragraph.element.find(PROPERTIES)
    levels = [own] if own is not None else []
    levels += [] if direct_only else styles.inherited(paragraph)
    return any(each.find(NUMBERING) is not None for each in levels)


def is_running_text(paragraph: Paragraph, styles: Styles) -> bool:
    """Whether it is set like the text of a letter: not centred, no heading, not empty."""
    own = paragraph.element.find(PROPERTIES)
    levels = ([own] if own is not None else []) + styles.inherited(paragraph)
    aligned = next((found.get(VALUE) for each in levels if (found := each.find(ALIGNMENT)) is not None), None)
    return (
        bool(paragraph.text.strip())
        and aligned not in APART
        and not any(each.find(LEVEL) is not None for each in levels)
    )


def body(package: Package) -> list[Paragraph]:
    """The paragraphs of the body itself, none of tables and text boxes."""
    return [each for each in paragraphs(package.tree(package.main), "body") if each.path.count("/") == 1]


def summary(package: Package) -> dict[str, Any]:
    """What is usual in a document."""
    styles, own = Styles(package), body(package)
    every = list(paragraphs(package.tree(package.main), "body"))
    indents = [first_line_indent(each, styles).value for each in own if is_running_text(each, styles)]
    spacings = [line_spacing(each, styles).value for each in own if is_running_text(each, styles)]
    runs = [run_style(run) for each in every for run in each.runs]
    return {
        "tables": len(list(package.tree(package.main).iter(f"{{{W}}}tbl"))),
        "paragraphs": len(every),
        "numbered_paragraphs": sum(is_numbered(each, styles, direct_only=True) for each in every),
        "first_line_indent_twips": _usual(each for each in indents if each is not None and each >= MIN_INDENT_TWIPS),
        "line_spacing_twips": _usual(spacings),
        "run_font_latin": _usual(run["font_latin"] for run in runs),
        "run_font_east_asia": _usual(run["font_east_asia"] for run in runs),
        "run_size_pt": _usual(run["size_pt"] for run in runs),
    }


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {"template": before[key], "rendered": after[key]} for key in before if before[key] != after[key]}


def _usual(values: Iterable[Any]) -> Any:
    """What most of them are; of equals the first."""
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


def _observed(paragraph: Paragraph, styles: Styles, of: Any) -> Observed:
    own = paragraph.element.find(PROPERTIES)
    if own is not None and (value := of(own)) is not None:
        return Observed(value, direct=True)
    found = (value for each in styles.inherited(paragraph) if (value := of(each)) is not None)
    return Observed(next(found, None), direct=False)


def _indent_of(properties: etree._Element) -> int | None:
    indent = properties.find(INDENT)
    if indent is None:
        return None
    hanging = _number(indent.get(f"{{{W}}}hanging"))
    return _number(indent.get(f"{{{W}}}firstLine")) if hanging is None else -hanging


def _spacing_of(properties: etree._Element) -> int | None:
    spacing = properties.find(SPACING)
    return None if spacing is None else _number(spacing.get(f"{{{W}}}line"))


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
