"""The body of an operation: which arguments it is made of, and in what form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openapi_pydantic.v3.v3_1 import Encoding

from services.tools.catalogue.bodies import FORM, JSON
from services.tools.imports.documents import Document
from services.tools.imports.models import UnfitError
from services.tools.imports.schemas import all_properties, members
from services.tools.models import HttpPart, HttpRequestBody

MULTIPART = "multipart/form-data"
# What a file is given as, whatever the document says of its bytes.
FILE: Mapping[str, Any] = {
    "type": ["string", "object"],
    "description": 'Base64 of its bytes, or {"base64": "…", "content_type": "image/png", "filename": "a.png"}.',
    "properties": {
        "base64": {"type": "string"},
        "content_type": {"type": "string"},
        "filename": {"type": "string"},
    },
    "required": ["base64"],
}
MAX_PARTS = 256


@dataclass(frozen=True, slots=True)
class Body:
    """A body, and the arguments that it takes."""

    body: HttpRequestBody
    properties: dict[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    # Whether it takes no others.
    is_closed: bool = True


def of(document: Document, given: Any, taken: set[str], notes: list[str]) -> Body:
    """The body of an operation that has these arguments already.

    Raises:
        UnfitError: there is no form for it.
    """
    raw = document.resolved(given)
    content = raw.get("content") if isinstance(raw, dict) else None
    if not isinstance(content, dict) or not content:
        return Body(HttpRequestBody("none"))
    kind, form = _preferred(list(map(str, content)))
    media = content[kind] if isinstance(content[kind], dict) else {}
    if len(content) > 1:
        notes.append(f"its body is sent as {kind[:100]}, of {len(content)} types that are taken")
    schema, is_required = media.get("schema") or {}, raw.get("required") is True
    named = "body" if "body" not in taken else "request_body"
    if form in {"json", "form", "multipart"}:
        parts = _parts(document, schema, media, form) if form != "json" else ()
        content_type = kind if form == "json" and kind not in {JSON, "*/*"} and "*" not in kind else ""
        object_ = members(document, schema)
        if object_ is not None and not taken & object_["properties"].keys():
            wanted = frozenset(name for name in object_.get("required") or () if isinstance(name, str))
            if is_required or not wanted:
                return _inlined(object_, HttpRequestBody(form, content_type, parts=parts), wanted)
        argument = _with_files(document, schema, parts)
        body = HttpRequestBody(form, content_type, named, parts)
        return Body(body, {named: argument}, frozenset({named} if is_required else ()))
    # A type that the document names is what is sent, whatever a caller says of the bytes.
    content_type = "" if "*" in kind else kind
    argument = dict(FILE) if form == "bytes" else {"type": "string", "description": f"The whole body, {kind[:100]}."}
    body = HttpRequestBody(form, content_type, named)
    return Body(body, {named: argument}, frozenset({named} if is_required else ()))


def is_json(kind: str) -> bool:
    """Whether a media type is JSON's."""
    plain = kind.partition(";")[0].strip().lower()
    return plain in {JSON, "text/json"} or plain.endswith("+json")


def _preferred(kinds: list[str]) -> tuple[str, str]:
    """The media type in which a body is sent, and the form that it has then."""
    forms = [(kind, _form(kind)) for kind in kinds]
    for wanted in ("json", "multipart", "form", "text", "bytes"):
        for kind, form in forms:
            if form == wanted:
                return kind, form
    raise UnfitError(f"takes bodies of {kinds[0][:100]} only, for which there is no form")


def _form(kind: str) -> str:
    plain = kind.partition(";")[0].strip().lower()
    if is_json(kind) or plain == "*/*":
        return "json"
    if plain in {FORM, MULTIPART}:
        return "form" if plain == FORM else "multipart"
    if plain.startswith("multipart/"):
        return ""
    return "text" if plain.startswith("text/") or plain.endswith(("/xml", "+xml", "/yaml")) else "bytes"


def _inlined(object_: dict[str, Any], body: HttpRequestBody, required: frozenset[str]) -> Body:
    """A body whose members are arguments themselves."""
    files = {part.argument for part in body.parts if part.format == "file"}
    properties = {
        name: _file(schema) if name in files else schema
        for name, schema in object_["properties"].items()
        if not (isinstance(schema, dict) and schema.get("readOnly") is True)
    }
    closed = object_.get("additionalProperties") is False
    return Body(body, properties, required & properties.keys(), closed)


def _with_files(document: Document, schema: Any, parts: tuple[HttpPart, ...]) -> Any:
    """The schema of a form as one argument: with files it is told by its members alone."""
    files = {part.argument for part in parts if part.format == "file"}
    if not files:
        return schema
    found = dict(all_properties(document, schema))
    return {"type": "object", "properties": {name: _file(one) if name in files else one for name, one in found.items()}}


def _file(schema: Any) -> Any:
    return {"type": "array", "items": dict(FILE)} if isinstance(schema, dict) and schema.get("items") else dict(FILE)


def _parts(document: Document, schema: Any, media: dict[str, Any], form: str) -> tuple[HttpPart, ...]:
    """The parts of a form that are not as parts are by themselves."""
    encodings = media.get("encoding")
    encodings = encodings if isinstance(encodings, dict) else {}
    parts = []
    for name, raw in dict(all_properties(document, schema)).items():
        encoding = Encoding.model_validate(encodings.get(name) or {})
        one = document.resolved(raw)
        one = one if isinstance(one, dict) else {}
        content_type = (encoding.contentType or "").partition(",")[0].strip()
        if form == "multipart" and _is_file(document, one, content_type):
            parts.append(HttpPart(name, "file", content_type="" if "*" in content_type else content_type))
            continue
        # By its type, where both say how it is written; multipart forms know no style.
        styled = form == "form" and (encoding.style is not None or encoding.explode is not None)
        if styled:
            style = "deepObject" if encoding.style == "deepObject" else "form"
            parts.append(HttpPart(name, style, True if encoding.explode is None else encoding.explode))
        elif is_json(content_type) and content_type:
            parts.append(HttpPart(name, "json", content_type=content_type if form == "multipart" else ""))
        elif content_type and form == "multipart" and "*" not in content_type:
            parts.append(HttpPart(name, content_type=content_type))
    if len(parts) > MAX_PARTS:
        raise UnfitError(f"has a form of more than {MAX_PARTS} parts with forms of their own")
    return tuple(parts)


def _is_file(document: Document, schema: dict[str, Any], content_type: str) -> bool:
    if schema.get("type") == "array" or "items" in schema:
        items = document.resolved(schema.get("items") or {})
        return isinstance(items, dict) and "items" not in items and _is_file(document, items, content_type)
    text = schema.get("type", "string") == "string" and "properties" not in schema
    binary = schema.get("format") == "binary" or "contentMediaType" in schema
    plain = content_type.startswith("text/") or is_json(content_type)
    return text and (binary or (bool(content_type) and not plain))
