"""The Jinja source of each part of a template, and which paragraph each line of it is from."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from docxtpl import DocxTemplate
from jinja2 import Environment, TemplateSyntaxError
from lxml import etree

from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.opc.packages import CORE_PROPERTIES, Package
from services.documents.placeholders.paragraphs import Paragraph, paragraphs

TAG = re.compile(r"\{[{%#].*?(?:\}\}|%\}|#\})", re.DOTALL)
OPENING = re.compile(r"\{[{%#]")
BRACKETING = re.compile(r"\{%[-+]?\s*(end)?(?:if|for|with)\b")
EMBEDDING = re.compile(r"\{\{(?:p|r|tr|tc)\s")
# A paragraph's number, written into its tags in spaces that nobody types: to Jinja they are spaces, to all else text.
EDGE, DIGITS = "\u2008", "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
MARK = re.compile(f"{EDGE}([{DIGITS}]+){EDGE}")
BEGINNINGS, ENDINGS = {"variable_begin", "block_begin"}, {"variable_end", "block_end"}
# Characters by which the sandbox finds its own values.
NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
SNIPPET_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A part as Jinja reads it: what stands in a tag begins a line."""

    part: str
    text: str
    # The paths to the paragraphs of its tags, and the tags, by the lines that these begin.
    paragraphs: tuple[str, ...]
    tags: tuple[str, ...]

    def paragraph(self, line: int) -> str:
        """The path to the paragraph that a line is of, counted from 1; empty where that is not known."""
        return self.paragraphs[line - 1] if 0 < line <= len(self.paragraphs) else ""

    def tag(self, line: int) -> str:
        return self.tags[line - 1] if 0 < line <= len(self.tags) else ""

    def unclosed(self) -> int:
        """The line of the innermost tag that another should close, and none does; 0 where there is none."""
        opened, before = [0], ""
        for line, tag in enumerate(self.tags, start=1):
            # A tag that takes several lines is the same text on each.
            if tag is not before and (found := BRACKETING.match(tag)):
                opened = opened[:-1] if found[1] else [*opened, line]
            before = tag
        return opened[-1] if opened else 0

    def refused(self, fault: Fault, message: str, line: int) -> TemplateRefusedError:
        return TemplateRefusedError(fault, message, self.part, self.paragraph(line), self.tag(line))


def sources(package: Package, environment: Environment) -> Iterator[Source]:
    """Of the parts that ask for something: text in all its places, and the properties of the document.

    Raises:
        TemplateRefusedError: naming part and paragraph of what is no tag.
    """
    stories = [(name, "body" if kind == "document" else PurePosixPath(name).stem) for name, kind in package.stories()]
    core = [(name, "") for name in sorted(package.types) if package.types[name] == CORE_PROPERTIES]
    for name, story in stories + core:
        root = package.tree(name)
        # What nobody is shown; a tag in it is no tag.
        etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
        plain = etree.tostring(root, encoding="unicode")
        if not OPENING.search(etree.tostring(root, encoding="unicode", method="text")) and not OPENING.search(plain):
            continue
        if NONCHARACTERS.search(plain):
            raise TemplateRefusedError(Fault.MALFORMED, f"{name} has characters that are none.", part=name)
        found = list(paragraphs(root, story)) if story else []
        for number, paragraph in enumerate(found):
            _mark(paragraph, number, name)
        text = DocxTemplate(None).patch_xml(etree.tostring(root, encoding="unicode"))
        yield _source(
            name, TAG.sub(lambda tag: html.unescape(tag[0]), text), [each.path for each in found], environment
        )


def _mark(paragraph: Paragraph, number: int, part: str) -> None:
    """Writes its number into each tag of a paragraph, before the tag's end."""
    text, letters = paragraph.letters()
    rest = TAG.sub(lambda tag: " " * len(tag[0]), text)
    if opened := OPENING.search(rest):
        snippet = text[opened.start() :][:SNIPPET_LETTERS]
        message = f"A tag that opens with {opened[0]} does not close in its paragraph."
        raise TemplateRefusedError(Fault.SYNTAX, message, part, paragraph.path, snippet)
    if embedding := EMBEDDING.search(text):
        message = (
            f"{embedding[0].rstrip()} embeds documents, which a task does not have; {{{{ name }}}} writes a value."
        )
        raise TemplateRefusedError(
            Fault.SYNTAX, message, part, paragraph.path, text[embedding.start() :][:SNIPPET_LETTERS]
        )
    mark = EDGE + "".join(DIGITS[int(digit)] for digit in f"{number:o}") + EDGE
    ends: dict[etree._Element, list[int]] = {}
    for tag in TAG.finditer(text):
        end = tag.end() - len("}}")
        letter = letters[end - 1 if text[end - 1] in "-+" else end]
        if letter.element is not None:
            ends.setdefault(letter.element, []).append(letter.offset)
    for element, offsets in ends.items():
        written = element.text or ""
        element.text = mark.join(written[start:end] for start, end in pairwise([0, *offsets, len(written)]))


def _source(part: str, text: str, paths: list[str], environment: Environment) -> Source:
    """With a line for what stands in each tag; the marks are taken out again."""
    pieces: list[str] = []
    lines: list[tuple[str, str]] = [("", "")]
    # The tag that is being read: its pieces, and where its line stands.
    tag: list[str] = []
    place, path, read = 0, "", 0
    try:
        for _, kind, found in environment.lexer.tokeniter(text, part):
            read += len(found)
            if kind.startswith("raw"):
                message = "A template has no raw; {{ '{{' }} writes what opens a tag."
                raise TemplateRefusedError(Fault.SYNTAX, message, part, path)
            if marked := MARK.search(found):
                path = _path(marked, paths)
            piece = MARK.sub("", found)
            if kind in BEGINNINGS:
                tag, place = [], len(lines)
                pieces += [piece, "\n"]
                lines.append(("", ""))
            else:
                pieces.append(piece)
                lines += [lines[-1]] * piece.count("\n")
            tag = [] if kind == "data" else [*tag, piece]
            if kind in ENDINGS:
                lines[place:] = [(path, "".join(tag).strip()[:SNIPPET_LETTERS])] * (len(lines) - place)
    except TemplateSyntaxError as error:
        near = MARK.search(text, read)
        where = path if near is None else _path(near, paths)
        snippet = "".join(tag)[:SNIPPET_LETTERS]
        raise TemplateRefusedError(Fault.SYNTAX, f"{error.message}.", part, where, snippet) from error
    return Source(part, "".join(pieces), tuple(each for each, _ in lines), tuple(each for _, each in lines))


def _path(mark: re.Match[str], paths: list[str]) -> str:
    number = int("".join(str(DIGITS.index(digit)) for digit in mark[1]), 8)
    return paths[number] if number < len(paths) else ""
