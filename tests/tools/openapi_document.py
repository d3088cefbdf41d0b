"""A document of more than 200 varied operations, a server that holds each request against it, and arguments for each."""

import json
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from openapi_core import Config, OpenAPI
from openapi_core.testing.requests import MockRequest
from werkzeug.datastructures import ImmutableMultiDict

GROUPS = 29
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
# The validator knows no others in a path; test_argument_places holds them against OpenAPI's own table.
PATH_STYLES = [("simple", False), ("simple", True)]
QUERY_STYLES = [("form", True), ("form", False), ("spaceDelimited", False), ("pipeDelimited", False)]


def document(server: str, version: str = "3.0.3", groups: int = GROUPS) -> dict[str, Any]:
    """Seven operations in each of 29 groups, of every location, style and body."""
    binary = {"type": "string", "format": "binary"} if version < "3.1" else {"contentMediaType": "image/png"}
    paths: dict[str, Any] = {}
    for number in range(groups):
        paths.update(_group(number, binary))
    node = {
        "type": "object",
        # 3.1 requires what is read only of requests, too.
        "required": ["name", "id"] if version < "3.1" else ["name"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "name": {"type": "string", "minLength": 1, "example": "a name"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "size": {"type": "integer", "minimum": 0, "exclusiveMinimum": True} if version < "3.1" else
                    {"type": "integer", "exclusiveMinimum": 0},
            "note": {"type": "string", "nullable": True} if version < "3.1" else {"type": ["string", "null"]},
        },
    }  # fmt: skip
    return {
        "openapi": version,
        "info": {"title": "Varied", "version": "1"},
        "servers": [{"url": f"{server}/{{base}}", "variables": {"base": {"default": "v1"}}}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {
                "Node": node,
                "Wrapped": {"allOf": [{"$ref": "#/components/schemas/Node"}, {"type": "object"}]},
            },
            "parameters": {"Trace": {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}},
            "requestBodies": {
                "Node": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}},
                }
            },
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "key"},
            },
        },
    }


def _group(n: int, binary: dict[str, Any]) -> dict[str, Any]:
    style, explode = PATH_STYLES[n % 2]
    of_query, exploded = QUERY_STYLES[n % 4]
    answer = {"responses": {"200": {"description": "done"}}, "tags": [f"tag{n % 3}"]}
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    form = {
        "type": "object",
        "required": ["title"],
        "properties": {"title": {"type": "string"}, "tags": texts, "count": {"type": "integer"}},
    }
    upload = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": binary, "caption": {"type": "string"}},
    }

    def query(name: str, schema: Any, **more: Any) -> dict[str, Any]:
        return {"name": name, "in": "query", "schema": schema, **more}

    return {
        f"/items{n}": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "get": {**answer, "operationId": f"listItems{n}", "summary": "Lists them.", "parameters": [
                query("ids", texts, style=of_query, explode=exploded, required=n % 2 == 0),
                query("limit", {"type": "integer", "minimum": 1, "maximum": 10}),
                query("filter", {"type": "object", "properties": {"kind": {"type": "string", "enum": ["a", "b"]}}},
                      style="deepObject", explode=True),
            ]},
            "post": {**answer, "operationId": f"createItem{n}", "requestBody": {"$ref": "#/components/requestBodies/Node"}},
        },
        f"/items{n}/{{id}}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {**answer, "operationId": f"getItem{n}", "security": [{"bearer": []}, {"basic": []}], "parameters": [
                {"name": "id", "in": "query", "schema": {"type": "boolean"}},
                {"name": "X-Limits", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
                {"name": "session", "in": "cookie", "schema": {"type": "string"}},
            ]},
            "put": {**answer, "operationId": f"replace/item {n}", "requestBody": {"required": True, "content": {
                "application/x-www-form-urlencoded": {"schema": form}}}},
            "patch": {**answer, "requestBody": {"content": {
                "application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/Wrapped"}}}}},
            "delete": {**answer, "operationId": f"deleteItem{n}", "security": []},
        },
        f"/items{n}/{{ids}}/files": {
            "post": {**answer, "operationId": f"upload{n}", "parameters": [
                {"name": "ids", "in": "path", "required": True, "style": style, "explode": explode, "schema": texts},
            ], "requestBody": {"required": True, "content": {"multipart/form-data": {
                "schema": upload, "encoding": {"file": {"contentType": "image/png"}}}}}},
        },
    }  # fmt: skip


@dataclass
class Validating:
    """A server that tells of every request that breaks its document."""

    port: int = 0
    api: OpenAPI | None = None
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, root: dict[str, Any], *, is_checked: bool = True) -> None:
        """Holds requests against this document from now on; `is_checked`: the document itself is, too."""
        more = {"application/merge-patch+json": json.loads}
        config = Config(extra_media_type_deserializers=more)
        self.api = OpenAPI.from_dict(root, config=config if is_checked else replace(config, spec_validator_cls=None))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append(f"{request.method} {request.path}")
        assert self.api is not None
        told = MockRequest(
            self.url,
            request.method.lower(),
            # It reads a path as it is written, where this stands for itself as well.
            request.raw_path.partition("?")[0].replace("%3A", ":"),
            args=ImmutableMultiDict(list(request.query.items())),
            headers=dict(request.headers),
            cookies=dict(request.cookies),
            data=body or None,
            content_type=request.headers.get("Content-Type", ""),
        )
        try:
            with warnings.catch_warnings():
                # It warns of what is deprecated, and of OAuth, which it cannot judge.
                warnings.simplefilter("ignore")
                self.api.validate_request(told)
        except Exception as error:  # noqa: BLE001 - whatever it finds is what the test is about
            self.faults.append(f"{request.method} {request.raw_path}: {error!r} {error.__cause__!r} {body[:200]!r}")
        return web.json_response({})


@asynccontextmanager
async def validating(
    running: Validating | None = None, further: Mapping[str, Handler] | None = None
) -> AsyncIterator[Validating]:
    """Serves while the block lasts; `further`: what is answered at other paths."""
    running = running or Validating()
    application = web.Application()
    for path, handler in (further or {}).items():
        application.router.add_get(path, handler)
    application.router.add_route("*", r"/{path:[\s\S]*}", running.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()


def operations(root: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, item in root["paths"].items():
        yield from ((method.upper(), path) for method in item if method in METHODS)
