"""The pages behind action links, for people with a browser: no script, nothing from elsewhere, nothing kept."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import orjson

from services.hitl.links.pages.visible import visible
from services.hitl.models import HumanRequest

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "page.css").read_text()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The address of the page is the credential: it may reach no cache, no frame and no other site.
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer that is no message of the contract."""

    body: bytes
    status: int = 200
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)


@dataclass(frozen=True, slots=True)
class Filled:
    """What somebody has put into the form, shown again when it was refused."""

    response: str = ""
    comment: str = ""


def form(request: HumanRequest, person: str, filled: Filled | None = None, fault: str = "") -> Page:
    """The request with a form to answer it; with a fault, the page of a refusal (400)."""
    spec = request.spec
    schema = spec.response_schema
    body = _render(
        "form.html",
        spec=spec,
        person=person,
        expires_at=request.expires_at,
        lost_access=request.requester_lost_access,
        context=rows(spec.context),
        proposed=rows(spec.proposed_arguments),
        wants_json=not spec.options and schema is not None and schema.get("type") != "string",
        schema=None if schema is None or spec.options else _text(schema),
        filled=filled or Filled(),
        fault=fault,
    )
    return Page(body, 400 if fault else 200)


def notice(title: str, message: str, status: int = 200) -> Page:
    """A page that says one thing."""
    return Page(_render("notice.html", title=title, message=message), status)


def unsubscribe(person: str) -> Page:
    """What whoever wants no more mails sends."""
    return Page(_render("unsubscribe.html", person=person))


def document(value: Any, status: int = 200) -> Page:
    """The same for programs."""
    return Page(orjson.dumps(value), status, "application/json", {"cache-control": "no-store"})


def _render(name: str, **values: Any) -> bytes:
    return TEMPLATES.get_template(name).render(style=STYLE, **values).encode()


def rows(document: Any) -> Sequence[tuple[str, str]]:
    """A JSON object as names and texts."""
    return [(name, _text(value)) for name, value in (document or {}).items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.filters["visible"] = visible
