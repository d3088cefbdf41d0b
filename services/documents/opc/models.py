"""Why a template is refused, and where in it the reason stands."""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What is wrong with a template; callers see it as the reason."""

    NOT_A_ZIP = "TEMPLATE_NOT_A_ZIP"
    NOT_A_DOCUMENT = "TEMPLATE_NOT_A_DOCUMENT"
    ENCRYPTED = "TEMPLATE_ENCRYPTED"
    TOO_MANY_ENTRIES = "TEMPLATE_TOO_MANY_ENTRIES"
    TOO_LARGE = "TEMPLATE_TOO_LARGE"
    RATIO = "TEMPLATE_RATIO"
    DUPLICATE_ENTRY = "TEMPLATE_DUPLICATE_ENTRY"
    PATH = "TEMPLATE_PATH"
    MACROS = "TEMPLATE_MACROS"
    EXTERNAL = "TEMPLATE_EXTERNAL"
    DOCTYPE = "TEMPLATE_DOCTYPE"
    MALFORMED = "TEMPLATE_MALFORMED"
    # Of Jinja templates: does not parse; uses what a template may not; does with a value what cannot be done with it.
    SYNTAX = "TEMPLATE_SYNTAX"
    UNSAFE = "TEMPLATE_UNSAFE"
    VALUE = "TEMPLATE_VALUE"
    # More was asked of the process than it may use.
    LIMITS = "TEMPLATE_LIMITS"


@dataclass(eq=False)
class TemplateRefusedError(Exception):
    """A template that is not rendered: the fault, a sentence, and where it stands as far as that is known."""

    code: Fault
    message: str
    # The part's name in the package, `word/header1.xml`.
    part: str = ""
    # Its paragraph, counted from 0 as in the replace log: `body/p[3]`.
    paragraph: str = ""
    # A piece of the paragraph's text around the fault.
    snippet: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
