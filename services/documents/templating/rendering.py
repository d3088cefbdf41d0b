"""Renders the parts of a Jinja template in the sandbox; what a template does wrong is told with its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docxtpl import DocxTemplate
from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from lxml import etree

from services.documents.opc import packages
from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.opc.packages import Package
from services.documents.placeholders.filling import Filled
from services.documents.templating import syntax
from services.documents.templating.sandbox import LimitsReachedError, Sandbox
from services.documents.templating.sources import Source, sources
from services.documents.templating.tracing import Place, settle

# As docxtpl numbers drawings, so that no two have one number.
FIRST_DRAWING = 1000
UNCLOSED = re.compile("Unexpected end of template")
# What Jinja's code is called in a trace, where it has the lines of its source.
COMPILED = re.compile(r"<(template|unknown)>$")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A part, and its syntax tree: one that the sandbox may run."""

    source: Source
    tree: nodes.Template


def parsed(package: Package) -> list[Parsed]:
    """All parts that ask for something.

    Raises:
        TemplateRefusedError: naming part, paragraph and tag of what does not parse or is not allowed.
    """
    sandbox = Sandbox()
    return [Parsed(source, _tree(sandbox, source)) for source in sources(package, sandbox)]


def render(
    package: Package, parts: Sequence[Parsed], payload: Mapping[str, Any], asked: Mapping[int, Sequence[str]]
) -> Filled:
    """Puts the payload into them.

    Args:
        package: whose parts are replaced.
        parts: as they were parsed; each tree is used up.
        payload: what templates see.
        asked: the paths of the payload that an expression is made of, by the id of its node.

    Raises:
        TemplateRefusedError: naming part, paragraph and tag.
    """
    sandbox, word, filled = Sandbox(), DocxTemplate(None), Filled()
    word.docx_ids_index = FIRST_DRAWING
    for each in parts:
        source = each.source
        with told(source):
            written = sandbox.guard(each.tree)
            text = sandbox.render(each.tree, payload)
        places = [Place(source.tag(node.lineno), tuple(asked.get(id(node), ()))) for node in written]
        root = _read(text, source.part)
        if source.part == package.main:
            root = _with_columns(word, root, source.part)
            word.fix_docpr_ids(root)
        settle(package, source.part, root, sandbox.account.written, places, filled)
    packages.check_fields(package)
    return filled


def _tree(sandbox: Sandbox, source: Source) -> nodes.Template:
    with told(source):
        tree = sandbox.parse(source.text)
        for fault, line in syntax.faults(tree):
            raise source.refused(Fault.UNSAFE, f"{fault}.", line)
    return tree


def _read(text: str, part: str) -> etree._Element:
    try:
        return packages.parse(text.encode(), part)
    except TemplateRefusedError as error:
        hint = "Is there a tag that opens in one place and closes in another?"
        message = f"What comes of {part} is no document: {error.message} {hint}"
        raise TemplateRefusedError(error.code, message, part) from error


def _with_columns(word: DocxTemplate, root: etree._Element, part: str) -> etree._Element:
    """With as many columns in the grid of each table as its rows have now; as it is, where a grid says no widths."""
    try:
        fixed = word.fix_tables(packages.serialize(root))
    except (AttributeError, TypeError, ValueError, ArithmeticError, LookupError):
        return root
    return packages.parse(packages.serialize(fixed), part)


@contextmanager
def told(source: Source) -> Iterator[None]:
    """Whatever a template raises is a fault of the template, and told with its place."""
    try:
        yield
    except (TemplateRefusedError, MemoryError, RecursionError):
        raise
    except TemplateSyntaxError as error:
        line = source.unclosed() if UNCLOSED.match(error.message or "") else error.lineno
        raise source.refused(Fault.SYNTAX, f"{_sentence(error.message)}.", line) from error
    except SecurityError as error:
        raise source.refused(Fault.UNSAFE, f"{_sentence(error)}.", _line(error)) from error
    except LimitsReachedError as error:
        raise source.refused(Fault.LIMITS, f"The template {error}.", _line(error)) from error
    except SyntaxError as error:
        raise source.refused(Fault.LIMITS, "The template is nested deeper than one may be.", 0) from error
    except Exception as error:
        raise source.refused(Fault.VALUE, f"{_sentence(error)}.", _line(error)) from error


def _sentence(error: object) -> str:
    return (str(error) or "It cannot be done").strip().rstrip(".")[:200]


def _line(error: BaseException) -> int:
    """The line of the source, by the trace."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if COMPILED.search(trace.tb_frame.f_code.co_filename):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
