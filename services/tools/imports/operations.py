"""One operation of an OpenAPI document as an HTTP tool: its arguments, their places, its credentials."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from openapi_pydantic.v3.v3_1 import Parameter
from pydantic import ValidationError

from services.tools.catalogue.bodies import JSON
from services.tools.catalogue.styles import DEFAULT_STYLES, EXPLODED
from services.tools.catalogue.templates import FRAMING
from services.tools.imports import request_bodies
from services.tools.imports.documents import Document
from services.tools.imports.models import ImportRequest, Operation, UnfitError
from services.tools.imports.schemas import Schemas
from services.tools.imports.security import Security
from services.tools.imports.servers import server_of
from services.tools.models import Annotations, HttpParameter, HttpSource, Json, Tool

MAX_NAME, MAX_TITLE, MAX_DESCRIPTION, MAX_TAGS, MAX_TAG, MAX_ARGUMENT = 64, 128, 8_192, 16, 64, 128
MAX_URL = 2_048
NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
DIGITS = 8
# OpenAPI leaves them to what else it says.
NOT_PARAMETERS = {"accept", "content-type", "authorization"}
SCHEMAS = {"schema", "content", "example", "examples"}


class Operations:
    """Makes tools of the operations of one document."""

    def __init__(self, document: Document, request: ImportRequest, security: Security) -> None:
        self._document = document
        self._request = request
        self._schemas = Schemas(document)
        self._security = security

    def tool(self, path: str, method: str, item: dict[str, Any], operation: dict[str, Any]) -> Operation:
        """An operation as a tool, or why it cannot be one; nothing is checked that needs the service."""
        name = f"{method} {path}"[:MAX_URL]
        try:
            made, notes = self._made(path, method, item, operation)
        except UnfitError as error:
            return Operation(name, None, _sentence(str(error)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            return Operation(name, None, _sentence(f"is not as OpenAPI has it: {where}: {first['msg']}"))
        return Operation(name, made, notes=notes)

    def _made(self, path: str, method: str, item: dict[str, Any], operation: dict[str, Any]) -> tuple[Tool, list[str]]:
        notes: list[str] = []
        headers = self._security.headers(operation, notes)
        owned = {name.lower() for name in headers}
        parameters, properties, required = self._parameters(item, operation, owned, notes)
        body = request_bodies.of(self._document, operation.get("requestBody"), set(properties), notes)
        keywords: dict[str, Json] = {"required": sorted({*required, *body.required})}
        if body.is_closed:
            keywords["additionalProperties"] = False
        schema, left_out = self._schemas.arguments({**properties, **body.properties}, **keywords)
        source = HttpSource(
            method,
            server_of(self._document, item, operation, self._request) + path,
            headers,
            tuple(parameters),
            body.body,
        )
        if len(source.url) > MAX_URL:
            raise UnfitError(f"has an address of more than {MAX_URL:,} characters")
        reads = method in {"GET", "HEAD"}
        tags = [str(tag)[:MAX_TAG] for tag in _listed(operation.get("tags")) if str(tag)]
        tool = Tool(
            name=self._name(path, method, operation),
            kind="http",
            title=_text(operation.get("summary") or item.get("summary"))[:MAX_TITLE],
            description=_text(operation.get("description") or operation.get("summary"))[:MAX_DESCRIPTION],
            input_schema=schema,
            annotations=Annotations(
                read_only=reads,
                destructive=method == "DELETE",
                idempotent=reads or method in {"PUT", "DELETE"},
                open_world=True,
            ),
            tags=tuple(dict.fromkeys(tags))[:MAX_TAGS],
            source=source,
        )
        return tool, [_sentence(note) for note in [*notes, *left_out]][:20]

    def _name(self, path: str, method: str, operation: Mapping[str, Any]) -> str:
        told = operation.get("operationId")
        operation_id = told if isinstance(told, str) and told else f"{method.lower()}_{path}"
        plain = NOT_A_NAME.sub("_", operation_id.replace("/", "_")).strip("_") or "_"
        name = f"{self._request.name}/{plain}"
        if len(name) > MAX_NAME:
            digest = hashlib.sha256(operation_id.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
            name = f"{name[: MAX_NAME - DIGITS - 1]}-{digest}"
        return name

    def _parameters(
        self, item: dict[str, Any], operation: dict[str, Any], owned: set[str], notes: list[str]
    ) -> tuple[list[HttpParameter], dict[str, Any], set[str]]:
        """The places of arguments, the arguments' schemas, and which there must be."""
        found: dict[tuple[str, str], tuple[Parameter, dict[str, Any]]] = {}
        for given in [*_listed(item.get("parameters")), *_listed(operation.get("parameters"))]:
            raw = self._document.resolved(given)
            if not isinstance(raw, dict):
                raise UnfitError("has a parameter that is none")
            read = Parameter.model_validate({key: value for key, value in raw.items() if key not in SCHEMAS})
            found[(str(read.param_in.value), read.name)] = read, raw
        places: list[HttpParameter] = []
        properties: dict[str, Any] = {}
        required: set[str] = set()
        for (location, name), (read, raw) in found.items():
            if location == "header" and name.lower() in NOT_PARAMETERS | owned:
                continue
            if location == "header" and name.lower() in FRAMING:
                notes.append(f"the header {name} is left out, which no argument may be")
                continue
            argument = name if name not in properties else f"{name}_{location}"
            if len(argument) > MAX_ARGUMENT or argument in properties or not argument.isprintable():
                raise UnfitError(f"has a parameter {name[:100]!r} that cannot be an argument")
            schema, content_type = self._schema_of(raw, name)
            style = read.style or DEFAULT_STYLES[location]
            explode = style in EXPLODED if read.explode is None else read.explode
            reserved = bool(read.allowReserved) and location == "query"
            places.append(HttpParameter(argument, location, name, style, explode, reserved, content_type))
            properties[argument] = _described(schema, read.description)
            if read.required or location == "path":
                required.add(argument)
        return places, properties, required

    def _schema_of(self, raw: dict[str, Any], name: str) -> tuple[Any, str]:
        content = raw.get("content")
        if not isinstance(content, dict) or not content:
            return raw.get("schema") or {}, ""
        kind, media = next(iter(content.items()))
        if not request_bodies.is_json(kind):
            raise UnfitError(f"has the parameter {name[:100]!r} as {kind[:100]}, which is not JSON")
        return (media.get("schema") if isinstance(media, dict) else None) or {}, JSON


def _described(schema: Any, description: str | None) -> Any:
    if not description or not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"allOf": [schema], "description": description}
    return {"description": description, **schema}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _sentence(text: str) -> str:
    return text.replace("\0", "")[:500]
