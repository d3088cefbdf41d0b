"""Placeholders are filled wherever a document has text, what cannot be filled is told, and the bytes are the same each time."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docx.document import Document as WordDocument
from docx.shared import Pt

from services.documents.opc.limits import PackageLimits
from services.documents.opc.packages import read
from services.documents.placeholders.paragraphs import paragraphs
from services.documents.rendering.models import RenderRequest, RenderResult
from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue
from services.documents.skills.models import PayloadError
from tests.documents import word

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYLOAD = {
    "meeting_title": "Budget & <plans> 【ORGANIZER】",
    "meeting_date": "2026-12-01",
    "meeting_time": "10:00",
    "meeting_location": "Room 1\nsecond floor",
    "organizer": "Ada",
    "attendees": ["Grace", "Alan"],
}


def empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def render(
    renderer: Renderer, template: bytes, payload: Mapping[str, Any] = PAYLOAD, **more: Any
) -> RenderResult:
    skill = catalogue.load()["meeting_notice"]
    return await renderer.render(RenderRequest(template, skill.name, skill.check(payload), **more), 60)


def furnish(made: WordDocument) -> None:
    made.add_table(1, 1).cell(0, 0).text = "At 【MEETING_TIME】"
    made.sections[0].header.paragraphs[0].text = "【ORGANIZER】 invites"
    made.sections[0].footer.paragraphs[0].text = "【MEETING_DATE】"


def everywhere() -> bytes:
    made = word.document("Subject: 【MEETING_TITLE】", "With 【ATTENDEES】 in 【MEETING_LOCATION】.", make=furnish)
    return word.with_footnote(word.with_text_box(made, "box 【ORGANIZER】"), "note 【MEETING_DATE】")


def texts(content: bytes) -> list[str]:
    package = read(content, PackageLimits())
    return [each.text for part, kind in package.stories() for each in paragraphs(package.tree(part), kind) if each.text]


async def test_placeholders_are_filled_in_text_tables_headers_footers_boxes_and_footnotes(renderer: Renderer) -> None:
    template = everywhere()
    result = await render(renderer, template)
    assert result.exit_code == 0
    assert texts(result.document) == [
        "box Ada",
        # What a value says is not looked at again.
        "Subject: Budget & <plans> 【ORGANIZER】",
        "With Grace, Alan in Room 1\nsecond floor.",
        "At 10:00",
        "Ada invites",
        "2026-12-01",
        "note 2026-12-01",
    ]
    opened = word.opened(result.document)
    assert opened.paragraphs[2].text == "With Grace, Alan in Room 1\nsecond floor."
    assert opened.tables[0].cell(0, 0).text == "At 10:00"
    log = result.replace_log
    assert log["summary"]["total_placeholders"] == log["summary"]["replaced_count"] == 8
    assert {entry["paragraph_path"] for entry in log["entries"]} >= {"body/p[1]", "body/tbl[0]/tr[0]/tc[0]/p[0]"}
    assert list(word.entries(template)) == list(word.entries(result.document))
    # Each value is where the manifest will say that it is.
    package = read(result.document, PackageLimits())
    for source in result.sources:
        paragraph = list(paragraphs(package.tree(source["part"]), ""))[source["paragraph"]]
        value = paragraph.text[source["start"] : source["end"]]
        assert hashlib.sha256(value.encode()).hexdigest() == source["value_sha256"]


async def test_a_placeholder_in_several_runs_is_filled_where_they_look_alike_and_told_where_not(
    renderer: Renderer,
) -> None:
    template = word.document(["At 【MEETING", "_TI", "ME】 sharp"])
    result = await render(renderer, template)
    assert word.opened(result.document).paragraphs[0].text == "At 10:00 sharp"
    entry = result.replace_log["entries"][0]
    assert (entry["status"], entry["reason"], entry["run_id"]) == ("replaced", "cross_run", "body/p[0]/r[0]")

    def embolden(made: WordDocument) -> None:
        made.paragraphs[0].runs[1].bold = True

    template = word.document(["【MEETING", "_TIME】"], make=embolden)
    result = await render(renderer, template)
    assert (result.exit_code, result.document) == (3, template)
    assert result.replace_log["entries"][0]["reason"] == "cross_run"


async def test_brackets_that_are_no_placeholders_are_told_and_the_template_comes_back_as_it_was(
    renderer: Renderer,
) -> None:
    template = word.document("【lower】 】 【ORGANIZER】 【OPEN")
    result = await render(renderer, template)
    assert (result.exit_code, result.document) == (3, template)
    reasons = [entry["reason"] for entry in result.replace_log["entries"]]
    assert reasons == ["invalid_format", "stray_close", "blocked", "unclosed_bracket"]
    assert result.replace_log["summary"]["replaced_count"] == 0
    warned = await render(renderer, template, unsupported_mode="warn")
    assert warned.exit_code == 0
    assert word.opened(warned.document).paragraphs[0].text == "【lower】 】 Ada 【OPEN"
    skill = catalogue.load()["meeting_notice"]
    found = await renderer.precheck(RenderRequest(template, skill.name, skill.check({"organizer": " "})), 60)
    assert (found.expected_exit_code, found.template_fields) == (3, ["ORGANIZER"])
    assert (found.missing_required, len(found.unsupported)) == (["organizer"], 3)


async def test_a_required_value_is_missing_where_the_template_asks_for_it(renderer: Renderer) -> None:
    template = word.document("【MEETING_TITLE】 【ATTENDEES】 【UNHEARD_OF】 【MEETING_DATE】")
    result = await render(renderer, template, {"meeting_date": "today", "attendees": []})
    assert result.exit_code == 2
    assert result.missing_fields == {
        "missing_required": ["meeting_title"],
        "missing_optional": ["attendees", "unheard_of"],
    }
    assert word.opened(result.document).paragraphs[0].text == "【MEETING_TITLE】 【ATTENDEES】 【UNHEARD_OF】 today"


async def test_the_same_inputs_give_the_same_bytes_in_another_process_started_otherwise(
    renderer: Renderer, tmp_path: Path
) -> None:
    template = everywhere()
    first = await render(renderer, template)
    async with Renderer(catalogue.load(), start_method="spawn", folder=tmp_path) as other:
        second = await render(other, template)
        assert other.fingerprint == renderer.fingerprint
    assert first.document == second.document
    assert (first.replace_log, first.sources) == (second.replace_log, second.sources)
    assert first.pid != second.pid
    assert empty(tmp_path)


async def test_a_size_and_a_font_of_the_template_stay_those_of_the_value(renderer: Renderer) -> None:
    def enlarge(made: WordDocument) -> None:
        made.paragraphs[0].runs[0].font.size = Pt(20)

    result = await render(renderer, word.document("【ORGANIZER】", make=enlarge))
    assert word.opened(result.document).paragraphs[0].runs[0].font.size == Pt(20)
    assert result.replace_log["template_run_styles"]["body/p[0]/r[0]"]["size_pt"] == 20


@pytest.mark.parametrize(
    "payload",
    [
        {"meeting_titel": "typo"},
        {"meeting_title": 3},
        {"attendees": "Ada"},
        {"meeting_title": "a\x00b"},
        {"meeting_title": "\ud800"},
        {"attendees": ["a\x0bb"]},
    ],
)
async def test_a_payload_that_a_skill_does_not_take_is_refused_by_the_path_of_the_value(
    payload: dict[str, Any],
) -> None:
    with pytest.raises(PayloadError) as refused:
        catalogue.load()["meeting_notice"].check(payload)
    assert refused.value.problems[0][0].startswith(f"payload.{next(iter(payload))}")
