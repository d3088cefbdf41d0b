"""The files of a form: that they are what their names say, and what a task holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from services.documents import errors
from services.documents.forms.multipart import File

ZIP = b"PK\x03\x04"
DOCX, JSON = ".docx", ".json"


@dataclass(frozen=True, slots=True)
class Task:
    """What shall stand in the document."""

    task_type: str
    payload: dict[str, Any]


def template_from(file: File | None, field: str = "template") -> bytes:
    """The bytes of the template that comes as this field.

    Raises:
        ServiceError: INVALID_ARGUMENT, INVALID_MEDIA_TYPE.
    """
    file = _present(file, field)
    if not file.name.lower().endswith(DOCX) or not file.content.startswith(ZIP):
        raise errors.invalid_media_type(field, "must be a .docx file")
    return file.content


def task_from(file: File | None) -> Task:
    """The task, read strictly: what its keys say once, and nothing else.

    Raises:
        ServiceError: INVALID_ARGUMENT, INVALID_MEDIA_TYPE, INVALID_JSON.
    """
    file = _present(file, "task")
    if not file.name.lower().endswith(JSON):
        raise errors.invalid_media_type("task", "must be a .json file")
    document = _read(file.content)
    if not isinstance(document, dict):
        raise errors.invalid_field("task", "must be an object with task_type and payload")
    unknown = [name for name in document if name not in {"task_type", "payload"}]
    if unknown:
        raise errors.invalid_field("task", "has more than task_type and payload")
    task_type, payload = document.get("task_type"), document.get("payload")
    if not isinstance(task_type, str):
        raise errors.invalid_field("task.task_type", "must be a text")
    if not isinstance(payload, dict):
        raise errors.invalid_field("task.payload", "must be an object")
    return Task(task_type, payload)


def _present(file: File | None, name: str) -> File:
    if file is None:
        raise errors.invalid_field(name, "is missing: send it as a file")
    if not file.content:
        raise errors.invalid_field(name, "is empty")
    return file


def _read(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise errors.invalid_json("task", "it is not UTF-8", position=error.start) from None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except json.JSONDecodeError as error:
        fault = f"{error.msg} in line {error.lineno}, column {error.colno}"
        raise errors.invalid_json("task", fault, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise errors.invalid_json("task", "it has too many levels") from None
    except ValueError as error:
        raise errors.invalid_json("task", str(error)) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refused(_constant: str) -> NoReturn:
    raise ValueError("NaN and infinities are no numbers there")
