"""Forms and templates that the tests send."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import docx
from docx.shared import Pt

PAYLOAD = {
    "meeting_title": "Quarter",
    "meeting_date": "2026-12-01",
    "meeting_time": "10:00",
    "meeting_location": "Room 1",
    "organizer": "Ada",
}
BOUNDARY = "----form-7MA4YWxk"


def template(*paragraphs: str, size: int | None = None) -> bytes:
    """A .docx of these paragraphs, in a size; without any, one that asks for what every meeting has."""
    document = docx.Document()
    for text in paragraphs or ("【MEETING_TITLE】 on 【MEETING_DATE】 by 【ORGANIZER】",):
        run = document.add_paragraph().add_run(text)
        run.font.size = size and Pt(size)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def task(task_type: str = "meeting_notice", **payload: Any) -> bytes:
    """A task; what is None is left out."""
    values = {name: value for name, value in {**PAYLOAD, **payload}.items() if value is not None}
    return json.dumps({"task_type": task_type, "payload": values}).encode()


def parts_of(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> bytes:
    """A form as curl writes it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, (filename, content) in files.items():
        disposition = f'form-data; name="{name}"; filename="{filename}"'
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def entries(archive: bytes) -> dict[str, bytes]:
    """What is in a zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def texts(document: bytes) -> list[str]:
    """The paragraphs of a .docx, as another reader has them."""
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(document)).paragraphs]


def with_part(document: bytes, name: str, content: bytes) -> bytes:
    """A .docx with another part in the place of one of its own."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for each, old in entries(document).items():
            made.writestr(each, content if each == name else old)
    return written.getvalue()
