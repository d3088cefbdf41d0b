"""Takes a form (multipart/form-data) apart while it comes, within bounds of bytes, parts and headers."""

import asyncio
import logging
import re
from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from servicekit.errors import ServiceError
from services.documents import errors
from services.documents.forms.uploads import Upload

MAX_PARTS = 32
NAME = re.compile(rb"[A-Za-z0-9_-]{1,64}")
MAX_FIELD_BYTES = 64 * 1024
# Of a part: its disposition with a long name of a file, its type, and what browsers add.
MAX_HEADERS = 8
MAX_HEADER_BYTES = 4 * 1024
FORM = b"multipart/form-data"
# How long the rest of a form that is refused may take.
READ_AWAY_SECONDS = 10.0
# It writes down which byte it did not like, of a form that is the caller's.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class File:
    """A part that is a file."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The parts by their names, each of which stands once."""

    files: dict[str, File] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


async def read_form(chunks: AsyncIterable[tuple[str, bytes]], upload: Upload) -> Form:
    """The form that comes in these chunks, each with its content type where it has one.

    Args:
        chunks: of the body.
        upload: bounds the bytes.

    Raises:
        ServiceError: INVALID_MEDIA_TYPE, INVALID_ARGUMENT, UPLOAD_TOO_LARGE, TOO_MANY_REQUESTS.
    """
    try:
        return await _form(chunks, upload)
    except ServiceError:
        await _read_away(chunks, upload.max_bytes)
        raise


async def _form(chunks: AsyncIterable[tuple[str, bytes]], upload: Upload) -> Form:
    parts: _Parts | None = None
    async for content_type, data in chunks:
        if parts is None:
            if not (content_type or data):
                # A call without a body.
                continue
            parts = _Parts(_boundary(content_type), upload)
        upload.take(len(data))
        parts.write(data)
    if parts is None:
        raise errors.invalid_field("template", "is missing: send the form's files")
    return parts.form()


async def _read_away(chunks: AsyncIterable[tuple[str, bytes]], most: int) -> None:
    """Lets a caller who is still sending come to the end: one that is answered before that may not hear the answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_AWAY_SECONDS):
            async for _, data in chunks:
                most -= len(data)
                if most < 0:
                    return


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != FORM:
        raise errors.invalid_media_type("body", "must be multipart/form-data")
    if not boundary:
        raise errors.invalid_field("body", "has no boundary in its content type")
    return boundary


class _Parts:
    """What the parser finds."""

    def __init__(self, boundary: bytes, upload: Upload) -> None:
        self._upload = upload
        self._form = Form()
        self._ended = False
        self._count = 0
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._content = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._name,
                    "on_part_data": self._data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError:
            raise errors.invalid_field("body", "has a boundary that is too long") from None
        self._named = ("", "")

    def write(self, data: bytes) -> None:
        if self._ended:
            # What stands after the last boundary says nothing.
            return
        try:
            self._parser.write(data)
        except FormParserError:
            raise errors.invalid_field("body", "is not a form as its content type says") from None

    def form(self) -> Form:
        if not self._ended:
            raise errors.invalid_field("body", "ends before its last boundary")
        return self._form

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise errors.invalid_field("body", f"has more than {MAX_PARTS} parts")
        self._disposition = b""
        self._content = bytearray()
        self._header = (bytearray(), bytearray())

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _name(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"")
        if kind != b"form-data" or not NAME.fullmatch(name):
            raise errors.invalid_field("body", "has a part without the name of a field")
        shown = name.decode()
        if shown in self._form.files or shown in self._form.fields:
            raise errors.invalid_field(shown, "came twice")
        # A file has a name of its own, be it empty.
        self._named = (shown, options[b"filename"].decode(errors="replace") if b"filename" in options else "\0")

    def _data(self, data: bytes, start: int, end: int) -> None:
        name, filename = self._named
        if filename == "\0" and len(self._content) + end - start > MAX_FIELD_BYTES:
            raise errors.invalid_field(name, f"is longer than {MAX_FIELD_BYTES} bytes")
        self._content += data[start:end]

    def _end_part(self) -> None:
        name, filename = self._named
        content, self._content = bytes(self._content), bytearray()
        if filename != "\0":
            self._form.files[name] = File(filename, content)
            return
        try:
            self._form.fields[name] = content.decode()
        except UnicodeDecodeError:
            raise errors.invalid_field(name, "must be UTF-8") from None

    def _end(self) -> None:
        self._ended = True
