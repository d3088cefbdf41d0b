"""Jinja templates are filled wherever a document has text, and where each value is from is told, as are what is missing and what is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docx.document import Document as WordDocument
from qmcp.client.documents.verification import verify_archive

from services.documents.models import Digests
from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.rendering import job
from services.documents.rendering.frames import packed, unpacked
from services.documents.rendering.models import FormatOptions, RenderRequest, RenderResult
from services.documents.rendering.renderer import Renderer
from services.documents.runs import archive
from services.documents.skills import catalogue
from tests.documents import word

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYLOAD: dict[str, Any] = {
    "customer": {"name": "Ada & <Sons>", "vip": True},
    "items": [{"name": "Desk", "price": 250}, {"name": "Lamp\nred", "price": 12.5}],
    "tags": ["new", "{{ customer.name }}"],
    "rate": 2,
}


async def render(
    renderer: Renderer, template: bytes, payload: Mapping[str, Any] = PAYLOAD, **more: Any
) -> RenderResult:
    skill = catalogue.load()["jinja_template"]
    return await renderer.render(RenderRequest(template, skill.name, skill.check(payload), **more), 60)


def furnish(made: WordDocument) -> None:
    table = made.add_table(4, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Name", "Price"
    table.cell(1, 0).text = "{%tr for item in items %}"
    table.cell(2, 0).text, table.cell(2, 1).text = "{{ loop.index }} {{ item.name }}", "{{ item.price * rate }}"
    table.cell(3, 0).text = "{%tr endfor %}"
    made.sections[0].header.paragraphs[0].text = "For {{ customer.name }}"
    made.sections[0].footer.paragraphs[0].text = "{% if customer.vip %}very {% endif %}important"
    made.core_properties.title = "Offer to {{ customer.name }}"


def everywhere() -> bytes:
    made = word.document(["Dear {{ cust", "omer.na", "me }},"], "{{ tags|join('; ')|upper }}", make=furnish)
    return word.with_footnote(word.with_text_box(made, "box {{ rate }}"), "note {{ customer.name|lower }}")


async def test_values_loops_and_conditions_are_filled_in_all_places_and_the_manifest_says_where_each_is_from(
    renderer: Renderer, tmp_path: Path
) -> None:
    template = everywhere()
    result = await render(renderer, template)
    assert (result.exit_code, result.missing_fields["missing_required"]) == (0, [])
    made = word.opened(result.document)
    assert [paragraph.text for paragraph in made.paragraphs][1:] == [
        "Dear Ada & <Sons>,",
        # What a value says is not looked at again.
        "NEW; {{ CUSTOMER.NAME }}",
    ]
    rows = [[cell.text for cell in row.cells] for row in made.tables[0].rows]
    assert rows == [["Name", "Price"], ["1 Desk", "500"], ["2 Lamp\nred", "25.0"]]
    assert made.sections[0].header.paragraphs[0].text == "For Ada & <Sons>"
    assert made.sections[0].footer.paragraphs[0].text == "very important"
    assert made.core_properties.title == "Offer to Ada & <Sons>"
    parts = word.entries(result.document)
    assert b"box 2<" in parts["word/document.xml"]
    assert b"note ada &amp; &lt;sons&gt;<" in parts["word/footnotes.xml"]
    assert list(parts) == list(word.entries(template))

    sources = {(row["part"], row["field_name"]): row for row in result.sources}
    assert sources["word/document.xml", "items[1].name"]["source"] == "/payload/items/1/name"
    assert sources["word/header1.xml", "customer.name"]["source"] == "/payload/customer/name"
    computed = sources["word/document.xml", "items[].price, rate"]
    assert (computed["source"], computed["computed_from"]) == ("", ["items[].price", "rate"])
    title = sources["docProps/core.xml", "customer.name"]
    assert (title["paragraph"], title["paragraph_path"]) == (None, "title")

    # Each stands where it is said to stand, by the command that verifies without a server.
    def verified(document: bytes) -> list[str]:
        entries = archive.contents(result, Digests("", "", "", ""), renderer.fingerprint, {}) | {"out.docx": document}
        (tmp_path / "made.zip").write_bytes(word.zipped(entries))
        return verify_archive(tmp_path / "made.zip").faults

    assert verified(result.document) == []
    assert verified(word.changed(result.document, {"[Content_Types].xml": lambda xml: xml + b" "})) == [
        "out.docx was changed"
    ]
    changes = {
        "docProps/core.xml": lambda xml: xml.replace(b"Sons", b"Song"),
        "word/document.xml": lambda xml: xml.replace(b"25.0", b"26.0"),
    }
    assert verified(word.changed(result.document, changes)) == [
        "out.docx was changed",
        "the value of items[].price, rate in word/document.xml, body/tbl[0]/tr[2]/tc[1]/p[0], was changed",
        "the value of customer.name in docProps/core.xml, title, was changed",
    ]


async def test_the_same_inputs_give_the_same_bytes_in_another_process(renderer: Renderer) -> None:
    template = everywhere()
    first = await render(renderer, template)
    asked = renderer._asked("render", RenderRequest(template, "jinja_template", PAYLOAD))
    said, document = unpacked(job.run(packed(asked, template)))
    assert first.document == document
    assert (first.replace_log, first.sources) == (said["done"]["replace_log"], said["done"]["sources"])


async def test_what_is_missing_stays_and_is_told_whatever_a_template_does_with_it(renderer: Renderer) -> None:
    template = word.document(
        "{{ customer.address.street|upper }} {{ rate * absent }} {{ absent ~ '!' }} {{ tags[7] }}",
        "{% if nothing > 3 or nothing is odd %}never{% endif %}{% for x in nowhere.list %}never{% endfor %}",
        "{{ note|default('none') }} {{ items[1].price.x.y if nothing else 'else' }} {{ items|map(attribute='size')|join }}",
    )
    result = await render(renderer, template)
    assert result.exit_code == 2
    assert [paragraph.text for paragraph in word.opened(result.document).paragraphs] == [
        "{{ customer.address.street }} {{ absent }} {{ absent }}! {{ tags[7] }}",
        "",
        "none else {{ items[0].size }}{{ items[1].size }}",
    ]
    assert result.missing_fields == {
        "missing_required": ["customer.address.street", "absent", "nowhere.list", "items[].size", "tags[]"],
        "missing_optional": ["nothing", "note", "items[].price.x.y"],
    }
    missing = {entry["field_name"] for entry in result.replace_log["entries"] if entry["status"] == "missing"}
    assert missing >= {"customer.address.street", "absent", "nowhere.list", "note", "tags[7]"}
    skill = catalogue.load()["jinja_template"]
    found = await renderer.precheck(RenderRequest(template, skill.name, {"customer": {}}), 60)
    assert found.expected_exit_code == 2
    assert {"customer.address.street", "rate", "tags", "items"} <= set(found.missing_required)


async def test_a_skill_may_require_what_its_templates_may_do_without(renderer: Renderer) -> None:
    template = word.document("{{ note.text|default('') }}{{ notes[0].x|default('') }} {{ other|default('') }}")
    asked = renderer._asked("precheck", RenderRequest(template, "jinja_template", {})) | {"required": ["note", "notes"]}
    done = unpacked(job.run(packed(asked, template)))[0]["done"]
    assert (done["missing_required"], done["missing_optional"]) == (["note.text", "notes"], ["other"])


async def test_expressions_calculate_look_up_and_loop_as_jinja_does(renderer: Renderer) -> None:
    lines = {
        "{% set names = {'a': 'x', 1: 'y'} %}{{ names['a'] }}{{ names[1] }}{{ names.get('b', 'z') }}": "xyz",
        "{% set s = namespace(sum=0) %}{% for i in items %}{% set s.sum = s.sum + i.price %}{% endfor %}{{ s.sum }}": "262.5",
        "{{ '%.2f'|format(items[1].price) }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 3 }} {{ rate is even }}": "12.50 3 3 8 true",
        "{% for k, v in customer.items() %}{{ k }}={{ v }};{% endfor %}": "name=Ada & <Sons>;vip=true;",
        "{% for i in items|sort(attribute='price') if i.price > 1 %}{{ loop.index }}{{ i.name[:2] }}{% endfor %}": "1La2De",
        "{% with n = customer.name %}{{ n.split(' ')|join('-') }}{% endwith %}{{ none }}{{ 'a' if not rate }}": "Ada-&-<Sons>",
        "{{ tags|length }}{{ tags|first }}{{ (tags|map('length')|list)[0] }}{{ tags[-1][:2] }}": "2new3{{",
        "{{ '{{' }} {{ 'a < b && \"c\"' }} {{ rate|e }}": '{{ a < b && "c" 2',
    }
    result = await render(renderer, word.document(*lines))
    assert [paragraph.text for paragraph in word.opened(result.document).paragraphs] == list(lines.values())
    assert result.exit_code == 0


async def test_formats_are_checked_where_values_were_put(renderer: Renderer) -> None:
    def enlarge(made: WordDocument) -> None:
        made.paragraphs[0].runs[0].font.name = "Arial"

    template = word.document("{{ rate }}", "untouched", make=enlarge)
    strict = await render(renderer, template, format=FormatOptions("strict", "policy", "none"))
    assert strict.exit_code == 4
    assert [issue["run_id"] for issue in strict.format_report["issues"] if issue["code"] == "RUN_FONT_MISMATCH"][
        :1
    ] == ["body/p[0]/r[0]"]
    assert (await render(renderer, template)).exit_code == 0


WRONG: dict[str, tuple[str, Fault, str, str]] = {
    "a tag that does not close": ("Dear {{ name", Fault.SYNTAX, "body/p[1]", "{{ name"),
    "a condition that does not end": ("{% if a %}x", Fault.SYNTAX, "body/p[1]", "{% if a %}"),
    "an end without a beginning": ("{% endfor %}", Fault.SYNTAX, "body/p[1]", "{% endfor %}"),
    "what is no expression": ("{{ a b }}", Fault.SYNTAX, "body/p[1]", "{{ a b }}"),
    "a character that Jinja has not": ("{{ a ? b }}", Fault.SYNTAX, "body/p[1]", "{{ a"),
    "a filter that there is not": ("{{ a|shout }}", Fault.UNSAFE, "body/p[1]", "{{ a|shout }}"),
    "a text as a number": ("{{ customer.name / 2 }}", Fault.VALUE, "body/p[1]", "{{ customer.name / 2 }}"),
    "a loop over a number": ("{% for x in rate %}{% endfor %}", Fault.VALUE, "body/p[1]", "{% for x in rate %}"),
    "a member of a text": ("{{ customer.name.first }}", Fault.VALUE, "body/p[1]", "{{ customer.name.first }}"),
    "an object as a text": ("{{ customer }}", Fault.VALUE, "body/p[1]", "{{ customer }}"),
    "a document in a document": ("{{p customer }}", Fault.SYNTAX, "body/p[1]", "{{p customer }}"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_with_a_template_is_told_with_part_paragraph_and_tag(renderer: Renderer, name: str) -> None:
    text, fault, paragraph, snippet = WRONG[name]
    with pytest.raises(TemplateRefusedError) as refused:
        await render(renderer, word.document("{{ rate }} and\n{{ customer.name }}", text, "{{ rate }}"))
    error = refused.value
    assert (error.code, error.part, error.paragraph) == (fault, "word/document.xml", paragraph), error.message
    assert error.snippet.startswith(snippet)

    def in_header(made: WordDocument) -> None:
        made.sections[0].header.paragraphs[0].text = text

    with pytest.raises(TemplateRefusedError) as refused:
        await render(renderer, word.document("{{ rate }}", make=in_header))
    assert (refused.value.part, refused.value.paragraph) == ("word/header1.xml", "header1/p[0]")
