"""Imports: reads a document, tells how its operations differ from the tools that are there, and applies that."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import orjson

from servicekit.errors import ServiceError
from servicekit.idempotency import Answer, Once
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from servicekit.ssrf import AddressNotAllowedError
from services.tools import errors
from services.tools.catalogue import definitions, store
from services.tools.catalogue.http_tools import HttpTools, UpstreamError
from services.tools.catalogue.loading import LoadedTools
from services.tools.catalogue.named_secrets import Secrets
from services.tools.imports import documents
from services.tools.imports import store as imports_store
from services.tools.imports.comparison import compared
from services.tools.imports.documents import Document
from services.tools.imports.models import ImportedTool, ImportRequest, Operation, ToolImport
from services.tools.imports.operations import Operations
from services.tools.imports.security import Security
from services.tools.models import HttpSource, Tool

MAX_OPERATIONS = 2_000
MAX_FETCHED_BYTES = 16 * 1024 * 1024
FETCH_SECONDS = 20
MAX_TITLE = 200


class Imports:
    """Makes tools of documents."""

    def __init__(self, database: Database, http_tools: HttpTools, secrets: Secrets, loaded: LoadedTools) -> None:
        self._database = database
        self._http_tools = http_tools
        self._secrets = secrets
        self._loaded = loaded

    async def run(self, request: ImportRequest, once: Once[ToolImport, Answer]) -> Answer:
        """Tells what an import changes, and unless it is a dry run, changes it.

        Raises:
            ServiceError: DOCUMENT_INVALID, DOCUMENT_NOT_FETCHED, ADDRESS_NOT_ALLOWED, SECRET_NOT_FOUND, ETAG_MISMATCH.
        """
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        clients = self._secrets.clients_among(request.secrets.values())
        field = "url" if request.url else "document"
        text = await self._fetched(request.url) if request.url else request.document
        document = await beside(len(text), documents.read, text, field)
        operations = [one async for one in self._operations(document, request, clients, len(text))]
        title = _title(document)

        async def apply(connection: Connection) -> ToolImport:
            await imports_store.lock(connection, request.name)
            names = [one.tool.name for one in operations if one.tool is not None]
            standing = await imports_store.standing(connection, request.name, names)
            tools = await beside(len(text), _differences, request.name, operations, standing)
            made = ToolImport(request.name, title, tools, _etag(tools))
            if request.etag and request.etag != made.etag:
                raise errors.etag_mismatch(request.name)
            if request.dry_run:
                return made
            await _apply(connection, request.name, tools)
            return replace(made, applied=True)

        if request.dry_run:
            async with self._database.transaction() as connection:
                return await once.answered(await apply(connection))
        answer = await once.run(self._database, apply)
        self._loaded.forget(None)
        return answer

    async def _fetched(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await self._http_tools.fetch(url, MAX_FETCHED_BYTES)
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("url", str(error)) from None
        except ValueError as error:
            raise errors.url_invalid("url", str(error)) from None
        except UpstreamError as error:
            raise errors.document_not_fetched(url.partition("?")[0], str(error)) from None
        except TimeoutError:
            raise errors.document_not_fetched(url.partition("?")[0], f"no end within {FETCH_SECONDS} s") from None

    async def _operations(
        self, document: Document, request: ImportRequest, clients: Collection[str], size: int
    ) -> AsyncIterator[Operation]:
        """The operations that are selected, each by itself beside the loop, so that others have their turns between."""
        made = Operations(document, request, Security(document, request.secrets, clients))
        selected = [one for one in document.operations() if _is_selected(request, *one)]
        if len(selected) > MAX_OPERATIONS:
            why = f"{len(selected):,} operations are selected, {MAX_OPERATIONS:,} may be: select by tag, path or method"
            raise errors.document_invalid("document", why)
        names: set[str] = set()
        for path, method, item, operation in selected:
            one = await beside(size, made.tool, path, method, item, operation)
            if one.tool is not None:
                one = self._checked(one, one.tool, names)
            yield one

    def _checked(self, one: Operation, tool: Tool, names: set[str]) -> Operation:
        """The operation, refused where the catalogue would refuse its tool."""
        assert isinstance(tool.source, HttpSource)
        if tool.name in names:
            return replace(one, tool=None, refusal=f"another operation has the name {tool.name} already")
        try:
            self._http_tools.require_usable(tool.source, tool.input_schema)
            checked = definitions.checked(tool)
        except ServiceError as error:
            return replace(one, tool=None, refusal=error.message[:500])
        names.add(tool.name)
        return replace(one, tool=checked)


def _is_selected(request: ImportRequest, path: str, method: str, _: object, operation: Mapping[str, object]) -> bool:
    tags = operation.get("tags")
    tags = tags if isinstance(tags, list) else []
    return (
        (not request.methods or method in request.methods)
        and (not request.tags or any(tag in request.tags for tag in tags))
        and (not request.paths or any(fnmatchcase(path, pattern) for pattern in request.paths))
    )


def _title(document: Document) -> str:
    info = document.root.get("info")
    info = info if isinstance(info, dict) else {}
    return f"{info.get('title', '')} {info.get('version', '')}".strip().replace("\0", "")[:MAX_TITLE]


def _differences(name: str, operations: Sequence[Operation], standing: Mapping[str, Tool]) -> list[ImportedTool]:
    """What becomes of each operation and of each tool that was imported before."""
    made = [_difference(name, one, standing) for one in operations]
    kept = {one.tool_name for one in made}
    gone = [
        ImportedTool(tool.name, _operation_of(tool), "gone")
        for tool in standing.values()
        if tool.import_name == name and tool.name not in kept
    ]
    return sorted([*made, *gone], key=lambda one: (one.change == "refused", one.tool_name, one.operation))


def _difference(name: str, one: Operation, standing: Mapping[str, Tool]) -> ImportedTool:
    wanted = one.tool
    if wanted is None:
        return ImportedTool("", one.name, "refused", [one.refusal], one.notes)
    before = standing.get(wanted.name)
    if before is None:
        return ImportedTool(wanted.name, one.name, "added", (), one.notes, wanted)
    if before.import_name != name:
        return ImportedTool("", one.name, "refused", [f"the name {wanted.name} is another tool's"], one.notes)
    # What is the tool's own, whatever the document says.
    wanted = definitions.checked(
        replace(
            wanted,
            approval=before.approval,
            labels=before.labels,
            timeout_seconds=before.timeout_seconds,
            max_concurrency=before.max_concurrency,
            output_schema=before.output_schema,
            version=before.version,
            import_name=name,
        )
    )
    if wanted.etag == before.etag:
        return ImportedTool(wanted.name, one.name, "unchanged", (), one.notes, wanted)
    details, breaks = compared(before, wanted)
    return ImportedTool(wanted.name, one.name, "breaking" if breaks else "changed", details, one.notes, wanted)


def _operation_of(tool: Tool) -> str:
    source = tool.source
    return f"{source.method} {source.url.partition('?')[0]}" if isinstance(source, HttpSource) else ""


def _etag(tools: Sequence[ImportedTool]) -> str:
    told = [(one.tool_name, one.operation, one.change, one.tool.etag if one.tool else "") for one in tools]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]


async def _apply(connection: Connection, name: str, tools: Sequence[ImportedTool]) -> None:
    for one in tools:
        if one.change == "gone":
            await store.delete(connection, one.tool_name)
        elif one.change == "added" and one.tool is not None:
            if await store.insert(connection, one.tool) is None:
                # Somebody took the name in this very moment.
                raise errors.tool_exists(one.tool_name)
        elif one.change in {"changed", "breaking"} and one.tool is not None:
            await store.replace(connection, one.tool)
        else:
            continue
        await store.announce(connection, one.tool_name)
    await imports_store.mark(connection, name, [one.tool_name for one in tools if one.change == "added"])
