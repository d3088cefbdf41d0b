"""What a template asks for is read from its syntax tree: a schema, each place, and what another version changes."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from docx.document import Document as WordDocument
from jsonschema_rs import validator_for
from qmcp.documents.v1 import contract_pb2, template_pb2

from services.documents.opc.models import TemplateRefusedError
from services.documents.rendering.models import Contract
from services.documents.rendering.renderer import Renderer
from services.documents.templating.changes import changes
from tests.contract.running import Refusal, refusal
from tests.documents import word
from tests.documents.service import Replica

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCALAR = {"type": ["string", "number", "boolean"]}
NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def of(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


SCHEMAS: dict[str, tuple[str, dict[str, Any]]] = {
    "a value": ("{{ name }}", of(["name"], name=SCALAR)),
    "nested values": ("{{ a.b.c }} {{ a['d'] }}", of(["a"], a=of(["b", "d"], b=of(["c"], c=SCALAR), d=SCALAR))),
    "a loop": ("{% for i in items %}{{ i.n }}{{ loop.index }}{% endfor %}", of(["items"], items=array(of(["n"], n=SCALAR)))),
    "loops in loops": (
        "{% for a in as %}{% for b in a.bs %}{{ b }}{% endfor %}{% endfor %}",
        of(["as"], **{"as": array(of(["bs"], bs=array(SCALAR)))}),
    ),
    "a loop with a condition": (
        "{% for i in items if i.on %}{{ i.n }}{% else %}{{ empty }}{% endfor %}",
        of(["items"], items=array(of(["n"], n=SCALAR, on={})), empty=SCALAR),
    ),
    "conditions": ("{% if vip %}{{ gift }}{% else %}{{ a }}{% endif %}{{ a }}", of(["a"], a=SCALAR, gift=SCALAR, vip={})),
    "defaults": ("{{ note|default(other.text) }}", of(["other"], note=SCALAR, other=of(["text"], text=SCALAR))),
    "what is set": ("{% set t = a.b %}{{ t.c }}{% if x %}{% set u = 1 %}{% endif %}{{ u }}", of(
        ["a"], a=of(["b"], b=of(["c"], c=SCALAR)), x={})),
    "what is bound": ("{% with c = customer %}{{ c.name }}{% endwith %}", of(["customer"], customer=of(["name"], name=SCALAR))),
    "numbers and texts": ("{{ a * 2 }} {{ b|round }} {{ c|upper }} {{ d.strip() }}", of(
        ["a", "b", "c", "d"], a=NUMBER, b=NUMBER, c=TEXT, d=TEXT)),
    "arrays by filters": (
        "{{ tags|join(', ') }} {{ items|map(attribute='n')|join }} {{ items|sum(attribute='p') }} {{ (items|first).q }}",
        of(["items", "tags"], items=array(of(["n", "p", "q"], n=SCALAR, p=NUMBER, q=SCALAR)), tags=array(SCALAR)),
    ),
    "elements and slices": ("{{ xs[0].a }} {% for x in xs[1:] %}{{ x.b }}{% endfor %}", of(
        ["xs"], xs=array(of(["a", "b"], a=SCALAR, b=SCALAR)))),
    "objects of any names": (
        "{% for k, v in prices.items() %}{{ k }}{{ v.net }}{% endfor %}",
        of(["prices"], prices={**of(), "additionalProperties": of(["net"], net=SCALAR)}),
    ),
    "choices and joints": ("{{ a if b else c }} {{ d ~ e }}", of(["d", "e"], a=SCALAR, b={}, c=SCALAR, d=SCALAR, e=SCALAR)),
    "what is computed": ("{{ 1 + 1 }} {% for i in range(3) %}{{ i }}{% endfor %}", of()),
}  # fmt: skip


async def describe(renderer: Renderer, *paragraphs: str, skill: str = "jinja_template", **more: Any) -> Contract:
    return await renderer.describe(word.document(*paragraphs, **more), skill, 60)


@pytest.mark.parametrize("name", SCHEMAS)
async def test_a_schema_says_what_a_template_asks_for(renderer: Renderer, name: str) -> None:
    text, schema = SCHEMAS[name]
    found = (await describe(renderer, text)).schema
    assert found == {"$schema": DIALECT, **schema}
    validator_for(found)


async def test_each_place_of_a_value_is_told_with_part_paragraph_and_tag(renderer: Renderer) -> None:
    def furnish(made: WordDocument) -> None:
        made.add_table(1, 1).cell(0, 0).text = "{{ a.b|upper }}"
        made.sections[0].header.paragraphs[0].text = "for {{ a.b }}"
        made.core_properties.title = "{{ c }}"

    uses = (await describe(renderer, "x", "{% if a %}{{ a.b }}{% endif %}", make=furnish)).uses
    assert [(use.path, use.part, use.paragraph, use.snippet) for use in uses if use.path != "a"] == [
        ("a.b", "word/document.xml", "body/p[1]", "{{ a.b }}"),
        ("a.b", "word/document.xml", "body/tbl[0]/tr[0]/tc[0]/p[0]", "{{ a.b|upper }}"),
        ("a.b", "word/header1.xml", "header1/p[0]", "{{ a.b }}"),
        ("c", "docProps/core.xml", "", "{{ c }}"),
    ]
    assert {use.paragraph for use in uses if use.snippet == "{% if a %}"} == {"body/p[1]"}


async def test_a_template_with_placeholders_has_a_contract_of_its_skill(renderer: Renderer) -> None:
    found = await describe(
        renderer, "【MEETING_TITLE】 【ATTENDEES】 【MEETING_TITLE】 【ELSE】", skill="meeting_notice"
    )
    assert found.schema["required"] == ["meeting_title"]
    assert set(found.schema["properties"]) == {"meeting_title", "attendees", "else"}
    assert [use.path for use in found.uses] == ["meeting_title", "attendees", "else"]


async def test_what_is_deeper_or_more_than_a_contract_carries_is_refused(renderer: Renderer) -> None:
    for text in ("{{ a" + ".b" * 12 + " }}", "".join(f"{{{{ a{number} }}}}" for number in range(2001))):
        with pytest.raises(TemplateRefusedError, match="TEMPLATE_LIMITS"):
            await describe(renderer, text)
    assert (await describe(renderer, "{{ a" + ".b" * 11 + " }}")).uses


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{{ a }}", "{{ a }}", []),
        ("{{ a }}", "{{ a }}{{ b }}", [("breaking", "b")]),
        ("{{ a }}", "{{ a }}{{ b|d('') }}", [("added", "b")]),
        ("{{ a }}{{ b }}", "{{ a }}", [("removed", "b")]),
        ("{{ a|d('') }}", "{{ a }}", [("breaking", "a")]),
        ("{{ a }}", "{{ a|d('') }}", []),
        ("{{ a }}", "{{ a * 2 }}", [("breaking", "a")]),
        ("{{ a * 2 }}", "{{ a }}", []),
        ("{{ a }}", "{{ a.b }}", [("breaking", "a")]),
        ("{% for i in x %}{{ i.a }}{% endfor %}", "{% for i in x %}{{ i.b }}{% endfor %}",
         [("removed", "x[].a"), ("breaking", "x[].b")]),
        ("{% for v in x.values() %}{{ v.a }}{% endfor %}", "{% for v in x.values() %}{{ v.a }}{{ v.b }}{% endfor %}",
         [("breaking", "x.*.b")]),
        ("{% if a %}{% endif %}", "{% for i in a %}{% endfor %}", [("breaking", "a")] * 2),
    ],
)  # fmt: skip
async def test_two_versions_are_compared_by_what_breaks_is_added_and_removed(
    renderer: Renderer, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    before, after = await describe(renderer, old), await describe(renderer, new)
    found = [(change.kind, change.path) for change in changes(before.schema, after.schema)]
    assert found == expected


async def test_a_contract_comes_over_the_wire_and_says_which_of_two_templates_is_wrong(shared: Replica) -> None:
    def asked(text: str, before: str | None = None, skill: str = "") -> contract_pb2.DescribeTemplateRequest:
        previous = b"" if before is None else word.document(before)
        return contract_pb2.DescribeTemplateRequest(
            template=word.document(text), previous_template=previous, skill=skill
        )

    found = await shared.stub.DescribeTemplate(asked("{{ a }}{{ b }}", "{{ a }}{{ c }}"))
    assert list(found.schema["required"]) == ["a", "b"]
    assert [(use.path, use.paragraph) for use in found.uses] == [("a", "body/p[0]"), ("b", "body/p[0]")]
    assert [(change.kind, change.path) for change in found.changes] == [("breaking", "b"), ("removed", "c")]
    assert found.breaking

    async def refused(request: contract_pb2.DescribeTemplateRequest) -> Refusal:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await shared.stub.DescribeTemplate(request)
        return refusal(error.value)

    def parts(text: str) -> Iterator[template_pb2.StoreTemplateRequest]:
        yield template_pb2.StoreTemplateRequest(start=template_pb2.StoreTemplateStart(name="offer"))
        yield template_pb2.StoreTemplateRequest(template=word.document(text))

    for text in ("{{ a }}", "{{ a }}{{ b|d('') }}"):
        await shared.stub.StoreTemplate(parts(text))
    stored = contract_pb2.DescribeTemplateRequest(stored_template="offer", previous_stored_template="offer@1")
    versions = await shared.stub.DescribeTemplate(stored)
    assert [(change.kind, change.path) for change in versions.changes] == [("added", "b")]
    assert not versions.breaking
    stored.template = word.document("{{ a }}")
    assert (await refused(stored)).reason == "INVALID_ARGUMENT_CONFLICT"
    nowhere = contract_pb2.DescribeTemplateRequest(stored_template="offer@7")
    assert (await refused(nowhere)).reason == "TEMPLATE_NOT_FOUND"
    assert (await refused(contract_pb2.DescribeTemplateRequest())).reason == "INVALID_ARGUMENT"
    wrong = await refused(asked("{{ a }}", "{{ a"))
    assert (wrong.reason, '"field":"previous_template"' in wrong.metadata["detail"]) == ("TEMPLATE_REFUSED", True)
    unknown = await refused(asked("{{ a }}", skill="nothing"))
    assert (unknown.reason, '"field":"skill"' in unknown.metadata["detail"]) == ("INVALID_ARGUMENT", True)
