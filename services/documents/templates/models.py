"""What a stored template is: frozen dataclasses of the domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.identity.visibility import Audience


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """What is to be stored."""

    name: str
    sha256: str
    content: bytes
    shared_with: Sequence[str]
    created_by: str


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template."""

    id: str
    name: str
    version: int
    sha256: str
    size_bytes: int
    shared_with: Sequence[str]
    created_by: str
    created_at: datetime

    @property
    def audience(self) -> Audience:
        """Who is shown it."""
        return Audience((self.created_by,), self.shared_with)


@dataclass(frozen=True, slots=True)
class TemplateFilter:
    """Which versions a list shows; what is empty leaves all."""

    name: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class TemplateBounds:
    """How many versions one principal may have stored, and how many bytes they may have together."""

    max_templates: int
    max_bytes: int
