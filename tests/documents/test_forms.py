"""What comes as a form: taken apart however it comes in pieces, bounded, and read strictly."""

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.errors import ServiceError
from services.documents.forms.multipart import MAX_FIELD_BYTES, MAX_PARTS, File, Form, read_form
from services.documents.forms.options import PRESETS, options_from
from services.documents.forms.tasks import task_from, template_from
from services.documents.forms.uploads import Uploads
from tests.documents.forms import BOUNDARY, parts_of

FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


async def _come(pieces: Sequence[bytes], content_type: str) -> AsyncIterator[tuple[str, bytes]]:
    for number, piece in enumerate(pieces):
        yield content_type if number == 0 else "", piece


async def read(*pieces: bytes, content_type: str = FORM_TYPE, most: int = 10**6, held: int = 10**6) -> Form:
    uploads = Uploads(most, held)
    with uploads.upload() as upload:
        found = await read_form(_come(pieces, content_type), upload)
    assert uploads.held_bytes == 0
    return found


def told(error: pytest.ExceptionInfo[ServiceError]) -> tuple[str, dict[str, Any]]:
    return error.value.reason, json.loads(error.value.metadata["detail"])


async def refused(*pieces: bytes, **how: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(ServiceError) as error:
        await read(*pieces, **how)
    return told(error)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.text(max_size=40), max_size=4),
    st.lists(st.binary(max_size=300), min_size=1, max_size=2),
    st.lists(st.integers(0, 1500), max_size=12),
)
async def test_a_form_is_the_same_in_whatever_pieces_it_comes(
    fields: dict[str, str], contents: list[bytes], cuts: list[int]
) -> None:
    files = {f"F{number}": (f"{number}.docx", content) for number, content in enumerate(contents)}
    body = parts_of(fields, files)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    form = await read(*(body[start:end] for start, end in itertools.pairwise(edges)))
    assert form.fields == fields
    assert form.files == {name: File(*file) for name, file in files.items()}


async def test_what_is_no_form_is_refused_with_what_is_wrong() -> None:
    whole = parts_of({"skill": "x"}, {})
    assert await refused(whole, content_type="application/json") == ("INVALID_MEDIA_TYPE", {"field": "body"})
    named = {"field": "body"}
    for pieces in ((whole[:-6],), (b"nothing",), (b"--" + BOUNDARY.encode() + b"\r\nX: y\r\n\r\n1" + whole,)):
        assert await refused(*pieces) == ("INVALID_ARGUMENT", named)
    assert await refused(whole, content_type="multipart/form-data") == ("INVALID_ARGUMENT", named)
    assert await refused() == ("INVALID_ARGUMENT", {"field": "template"})
    assert await refused(b"", content_type="") == ("INVALID_ARGUMENT", {"field": "template"})
    twice = parts_of({"skill": "x"}, {"skill": ("a.docx", b"y")})
    assert await refused(twice) == ("INVALID_ARGUMENT", {"field": "skill"})


async def test_parts_headers_fields_and_bytes_are_bounded() -> None:
    many = parts_of({f"f{number}": "" for number in range(MAX_PARTS + 1)}, {})
    assert await refused(many) == ("INVALID_ARGUMENT", {"field": "body"})
    assert await refused(parts_of({"skill": "x" * (MAX_FIELD_BYTES + 1)}, {})) == (
        "INVALID_ARGUMENT",
        {"field": "skill"},
    )
    headers = f"--{BOUNDARY}\r\n".encode() + b"".join(b"X-%d: y\r\n" % number for number in range(20))
    assert await refused(headers) == ("INVALID_ARGUMENT", {"field": "body"})
    assert await refused(f"--{BOUNDARY}\r\nX-Long: {'y' * 5000}".encode()) == ("INVALID_ARGUMENT", {"field": "body"})
    file = {"template": ("a.docx", b"x" * 5000)}
    assert await refused(parts_of({}, file), most=5000) == ("UPLOAD_TOO_LARGE", {"max_upload_bytes": 5000})
    # Also of bytes that are no part's: after the end, or before the beginning.
    assert (await refused(parts_of({}, {}), b"x" * 5000, most=5000))[0] == "UPLOAD_TOO_LARGE"
    assert (await refused(b"\r\n" * 5000, most=5000))[0] == "UPLOAD_TOO_LARGE"


async def test_what_all_uploads_hold_together_is_bounded_and_free_again_when_they_end() -> None:
    uploads = Uploads(5000, 6000)
    with uploads.upload() as first:
        first.take(5000)
        with uploads.upload() as second, pytest.raises(ServiceError) as error:
            second.take(2000)
        assert told(error)[0] == "TOO_MANY_REQUESTS"
        assert error.value.retry_after is not None
    with uploads.upload() as third:
        third.take(5000)
    assert uploads.held_bytes == 0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("report", "template", "safe", "json")),
        ({"preset": "quick"}, ("report", "template", "safe", "json")),
        ({"preset": "template"}, ("report", "template", "none", "json")),
        ({"preset": "strict"}, ("strict", "policy", "safe", "json")),
        ({"preset": "template", "strict": "true"}, ("strict", "template", "none", "json")),
        ({"strict": "1"}, ("strict", "template", "safe", "json")),
        ({"preset": "", "strict": "off", "format_mode": "off"}, ("off", "template", "safe", "json")),
        ({"format_baseline": "policy", "format_report": "both"}, ("report", "policy", "safe", "both")),
        ({"format_fix_mode": "none", "policy_yaml": "a: 1"}, ("report", "template", "none", "json")),
    ],
)
def test_fields_stand_for_what_they_say_and_presets_for_three_of_them(
    fields: dict[str, str], expected: tuple[str, ...]
) -> None:
    options = options_from(fields)
    assert (options.format.mode, options.format.baseline, options.format.fix_mode, options.format.report) == expected
    assert (options.skill, options.effective_preset) == ("meeting_notice", fields.get("preset") or "quick")


def test_what_contradicts_a_preset_or_strict_is_named() -> None:
    both = {"preset": "quick", "format_report": "json", "format_mode": "report", "policy_yaml": "a: 1"}
    cases: list[tuple[dict[str, str], list[str]]] = [
        (both, ["preset", "format_mode", "format_report", "policy_yaml"]),
        ({"preset": "strict", "policy_yaml": "a: 1"}, ["preset", "policy_yaml"]),
        ({"strict": "true", "format_baseline": "policy"}, ["strict", "format_baseline"]),
    ]
    for fields, conflicting in cases:
        with pytest.raises(ServiceError) as error:
            options_from(fields)
        assert told(error) == ("INVALID_ARGUMENT_CONFLICT", {"conflicting_fields": conflicting})


@pytest.mark.parametrize(
    "name", ["preset", "strict", "format_mode", "format_baseline", "format_fix_mode", "format_report", "stirct"]
)
def test_a_value_or_a_name_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ServiceError) as error:
        options_from({name: "nothing"})
    reason, detail = told(error)
    assert (reason, detail["field"]) == ("INVALID_ARGUMENT", name)
    assert set(PRESETS) == {"quick", "template", "strict"}


def test_files_are_what_their_names_say() -> None:
    cases: list[tuple[Any, File | None, str]] = [
        (template_from, None, "INVALID_ARGUMENT"),
        (template_from, File("a.docx", b""), "INVALID_ARGUMENT"),
        (template_from, File("a.docm", b"PK\x03\x04"), "INVALID_MEDIA_TYPE"),
        (template_from, File("a.docx", b"%PDF"), "INVALID_MEDIA_TYPE"),
        (task_from, File("task.txt", b"{}"), "INVALID_MEDIA_TYPE"),
        (task_from, File("task.json", b"{"), "INVALID_JSON"),
        (task_from, File("task.json", b"\xff"), "INVALID_JSON"),
        (task_from, File("task.json", b'{"task_type": NaN}'), "INVALID_JSON"),
        (task_from, File("task.json", b'{"task_type": "a", "task_type": "b", "payload": {}}'), "INVALID_JSON"),
        (task_from, File("task.json", b"[" * 100_000), "INVALID_JSON"),
        (task_from, File("task.json", b"[]"), "INVALID_ARGUMENT"),
        (task_from, File("task.json", b'{"task_type": 1, "payload": {}}'), "INVALID_ARGUMENT"),
        (task_from, File("task.json", b'{"task_type": "a", "payload": []}'), "INVALID_ARGUMENT"),
        (task_from, File("task.json", b'{"task_type": "a", "payload": {}, "more": 1}'), "INVALID_ARGUMENT"),
    ]
    for read_file, file, reason in cases:
        with pytest.raises(ServiceError) as error:
            read_file(file)
        assert error.value.reason == reason, file
    assert template_from(File("A.DOCX", b"PK\x03\x04x")) == b"PK\x03\x04x"
    assert task_from(File("t.json", b'\xef\xbb\xbf{"task_type": "a", "payload": {"b": 1}}')).payload == {"b": 1}
