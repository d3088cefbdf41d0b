"""Templates that try to get out of Jinja, or to take more than they may, are refused or harmless; docxtpl's own environment runs them."""

import io
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from docx.document import Document as WordDocument
from docxtpl import DocxTemplate

from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.rendering.models import RenderRequest, RenderResult
from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue
from tests.documents import word

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYLOAD: dict[str, Any] = {"x": "text", "o": {"a": 1}, "xs": ["b", "c"], "n": 3, "big": "y" * 100_000}
# A command of the process that renders: where it runs, its number stands in the document.
GETPID = "cycler.__init__.__globals__.os.getpid()"
ESCAPES = {
    "a global's module": "{{ " + GETPID + " }}",
    "lipsum": "{{ lipsum.__globals__.os.getpid() }}",
    "joiner": "{{ joiner.__init__.__globals__.os.getpid() }}",
    "namespace": "{{ namespace.__init__.__globals__.os.getpid() }}",
    "what is undefined": "{{ nothing.__init__.__globals__.sys.modules.os.getpid() }}",
    "the template itself": "{{ self._TemplateReference__context.cycler.__init__.__globals__.os.getpid() }}",
    "subscripts": "{{ cycler['__init__']['__globals__']['os']['getpid']() }}",
    "names that are computed": "{{ cycler['__in' ~ 'it__']['__glo' 'bals__']['os'].getpid() }}",
    "names in escapes": r"{{ cycler['\x5f\x5finit\x5f\x5f']['\x5f\x5fglobals\x5f\x5f']['os'].getpid() }}",
    "the filter attr": "{{ (cycler|attr('__init__')|attr('__globals__'))['os'].getpid() }}",
    "attr by map": "{{ ([cycler]|map('attr', '__init__')|first).__globals__.os.getpid() }}",
    "attributes by map": "{{ ([cycler]|map(attribute='__init__.__globals__.os.getpid')|first)() }}",
    "attributes by sort": "{% for c in [cycler]|sort(attribute='__init__.__doc__') %}{{ " + GETPID + " }}{% endfor %}",
    "a condition": "{% if " + GETPID + " %}{{ " + GETPID + " }}{% endif %}",
    "what is set": "{% set p = " + GETPID + " %}{{ p }}",
    "a loop": "{% for os in [cycler.__init__.__globals__.os] %}{{ os.getpid() }}{% endfor %}",
    "a macro": "{% macro m() %}{{ " + GETPID + " }}{% endmacro %}{{ m() }}",
    "a block": "{% block b %}{{ " + GETPID + " }}{% endblock %}",
    "a filter over a block": "{% filter trim %}{{ " + GETPID + " }}{% endfilter %}",
    "a block that is set": "{% set p %}{{ " + GETPID + " }}{% endset %}{{ p }}",
    "the subclasses of object": "{% for c in ''.__class__.__mro__[1].__subclasses__() %}{% if c.__name__ == '_wrap_close' %}"
    "{{ c.__init__.__globals__['getpid']() }}{% endif %}{% endfor %}",
}


def in_header(made: WordDocument) -> None:
    made.sections[0].header.paragraphs[0].text = ESCAPES["a global's module"]


def in_footer(made: WordDocument) -> None:
    made.sections[0].footer.paragraphs[0].text = ESCAPES["a global's module"]


def in_properties(made: WordDocument) -> None:
    made.core_properties.subject = ESCAPES["a global's module"]


def in_cell(made: WordDocument) -> None:
    made.add_table(1, 1).cell(0, 0).text = "{% cellbg " + GETPID + " %}"


PLAIN = word.document("x")
PLACES: dict[str, Callable[[], bytes]] = {
    "a header": lambda: word.document("x", make=in_header),
    "a footer": lambda: word.document("x", make=in_footer),
    "the properties": lambda: word.document("x", make=in_properties),
    "the colour of a cell": lambda: word.document("x", make=in_cell),
    "a text box": lambda: word.with_text_box(PLAIN, ESCAPES["a global's module"]),
    "a footnote": lambda: word.with_footnote(PLAIN, ESCAPES["a global's module"]),
    "runs": lambda: word.document(["{", "{ cyc", "ler.__in", "it__.__globals__.os.getpid() }", "}"]),
}
REFUSED: dict[str, tuple[str, Fault]] = {
    "formats that look into objects": ("{{ '{0.__class__}'.format(x) }}", Fault.UNSAFE),
    "formats of maps": ("{{ '{x.__class__}'.format_map({'x': x}) }}", Fault.UNSAFE),
    "filters of the sandbox by map": ("{{ [x]|map('_called', 'format')|list }}", Fault.UNSAFE),
    "tests of calls": ("{{ [x]|select('callable')|list }}", Fault.VALUE),
    "functions as values": ("{{ range ~ '' }}", Fault.UNSAFE),
    "insides of a namespace": ("{{ namespace(a=1)['_Namespace__attrs'] }}", Fault.UNSAFE),
    "changes of arrays": ("{{ xs.append(1) }}", Fault.UNSAFE),
    "changes of objects": ("{{ o.update({}) }}", Fault.UNSAFE),
    "an include": ("{% include 'x' %}", Fault.UNSAFE),
    "an import": ("{% import 'x' as y %}", Fault.UNSAFE),
    "an import of names": ("{% from 'x' import y %}", Fault.UNSAFE),
    "a parent": ("{% extends 'x' %}", Fault.UNSAFE),
    "a call of a block": ("{% call lipsum() %}{% endcall %}", Fault.UNSAFE),
    "no escaping": ("{% autoescape false %}{{ x }}{% endautoescape %}", Fault.UNSAFE),
    "markup": ("{{ x|safe }}", Fault.UNSAFE),
    "markup of attributes": ("{{ o|xmlattr }}", Fault.UNSAFE),
    "markup of JSON": ("{{ x|tojson }}", Fault.UNSAFE),
    "statements": ("{% do x %}", Fault.SYNTAX),
    "debugging": ("{% debug %}", Fault.SYNTAX),
    "what is raw": ("{% raw %}{{ x }}{% endraw %}", Fault.SYNTAX),
    "a character that ends texts": ('{{ "\\x00" }}', Fault.VALUE),
    "marks of the sandbox": ('{{ "\\ufdd2" ~ 0 ~ "\\ufdd4" }}', Fault.VALUE),
    "half a character": ('{{ "\\ud800" }}', Fault.VALUE),
    "a huge range": ("{{ range(10**9) }}", Fault.LIMITS),
    "loops in loops": (
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        Fault.LIMITS,
    ),
    "loops that call themselves": ("{% for a in xs recursive %}{{ loop(xs) }}{% endfor %}", Fault.UNSAFE),
    "a text a billion times": ("{{ 'x' * 10**9 }}", Fault.LIMITS),
    "an array a billion times": ("{{ [0] * 10**9 }}", Fault.LIMITS),
    "powers": ("{{ 9**9**9 }}", Fault.LIMITS),
    "products": ("{{ (99 * 10**17) * 10**20 }}", Fault.LIMITS),
    "a wide text": ("{{ x|center(10**9) }}", Fault.LIMITS),
    "a wide format": ("{{ '%999999999d'|format(1) }}", Fault.LIMITS),
    "a wide format by name": ("{{ '%(a)999999999d'|format(**o) }}", Fault.LIMITS),
    "a width that is given": ("{{ '%*d'|format(999999999, 1) }}", Fault.LIMITS),
    "a format by the operator": ("{{ '%999999999d' % 1 }}", Fault.UNSAFE),
    "a power by rounding": ("{{ 2|round(10**9, 'ceil') }}", Fault.LIMITS),
    "many zeros": ("{{ x.zfill(10**9) }}", Fault.LIMITS),
    "texts that double": (
        "{% set s = namespace(x='x') %}{% for i in range(60) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
        Fault.LIMITS,
    ),
    "arrays that double": (
        "{% set s = namespace(x=xs) %}{% for i in range(60) %}{% set s.x = s.x + s.x %}{% endfor %}",
        Fault.LIMITS,
    ),
    "texts in texts": ("{{ big|replace('', big) }}", Fault.LIMITS),
    "many values": ("{% for i in range(99999) %}{{ i }}{% endfor %}", Fault.LIMITS),
    "much output": ("{% for i in range(999) %}{{ big }}{% endfor %}", Fault.LIMITS),
    "many brackets": ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", Fault.LIMITS),
    "many conditions": ("{% if x %}" * 300 + "{% endif %}" * 300, Fault.LIMITS),
    "many filters": ("{{ x" + "|upper" * 3000 + " }}", Fault.LIMITS),
}
HARMLESS = {
    "globals of others": (
        "{{ config }} {{ request.application }} {{ lipsum }}",
        "{{ config }} {{ request.application }} {{ lipsum }}",
    ),
    "methods as values": ("{{ o.items }} {{ o.clear }} {{ x|map('upper')|join }}", "{{ o.items }} {{ o.clear }} TEXT"),
    "values that are templates": ("{{ t }}", "{{ 7 * 7 }} {% for a in b %}"),
    "values that are XML": ("{{ y }}{% if y %}{{ [y]|join|e }}{% endif %}", "</w:t><w:br/>&amp;" * 2),
    "values in Jinja's own text": ("{{ '%s'|format(y) }} {{ y ~ '<' }}", "</w:t><w:br/>&amp; </w:t><w:br/>&amp;<"),
}
VALUES = {"t": "{{ 7 * 7 }} {% for a in b %}", "y": "</w:t><w:br/>&amp;"}


async def render(renderer: Renderer, template: bytes, do: str = "render", **values: Any) -> RenderResult:
    skill = catalogue.load()["jinja_template"]
    request = RenderRequest(template, skill.name, skill.check({**PAYLOAD, **values}))
    made: RenderResult = await getattr(renderer, do)(request, 120)
    return made


def by_docxtpl(template: bytes, **values: Any) -> bytes:
    """The negative control: with the environment that it has of its own, in this process."""
    document, target = DocxTemplate(io.BytesIO(template)), io.BytesIO()
    document.render({**PAYLOAD, **values})
    document.save(target)
    return b"".join(word.entries(target.getvalue()).values())


@pytest.mark.parametrize("name", ESCAPES)
async def test_what_gets_out_of_jinja_is_refused_and_runs_in_docxtpls_own_environment(
    renderer: Renderer, name: str
) -> None:
    template = word.document(ESCAPES[name])
    assert str(os.getpid()).encode() in by_docxtpl(template)
    with pytest.raises(TemplateRefusedError) as refused:
        await render(renderer, template)
    assert (refused.value.code, refused.value.paragraph) == (Fault.UNSAFE, "body/p[0]")


@pytest.mark.parametrize("name", PLACES)
async def test_it_is_refused_wherever_it_stands_and_also_where_nothing_is_rendered(
    renderer: Renderer, name: str
) -> None:
    template = PLACES[name]()
    assert str(os.getpid()).encode() in by_docxtpl(template)
    for do in ("render", "precheck"):
        with pytest.raises(TemplateRefusedError) as refused:
            await render(renderer, template, do)
        assert refused.value.code is Fault.UNSAFE


@pytest.mark.parametrize("name", REFUSED)
async def test_what_takes_more_than_it_may_or_is_not_allowed_is_refused(renderer: Renderer, name: str) -> None:
    text, fault = REFUSED[name]
    with pytest.raises(TemplateRefusedError) as refused:
        await render(renderer, word.document(text))
    assert (refused.value.code, refused.value.message[-1]) == (fault, "."), refused.value


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_does_no_harm_is_written_as_text(renderer: Renderer, name: str) -> None:
    text, written = HARMLESS[name]
    result = await render(renderer, word.document(text), **VALUES)
    assert word.opened(result.document).paragraphs[0].text == written


async def test_a_value_is_never_xml_which_in_docxtpls_own_environment_it_is(renderer: Renderer) -> None:
    shape = '<w:p><w:r><w:rPr><w:color w:val="{{ q }}"/></w:rPr><w:t>{{ y }}</w:t></w:r></w:p>'
    template = word.in_body(PLAIN, shape)
    quoted = '000000"/><w:dstrike w:val="1'
    assert b"<w:dstrike" in by_docxtpl(template, q=quoted, y="</w:t><w:noBreakHyphen/><w:t>")
    result = await render(renderer, template, q=quoted, y="</w:t><w:noBreakHyphen/><w:t>")
    body = word.entries(result.document)["word/document.xml"]
    assert b"<w:dstrike" not in body
    assert b"<w:noBreakHyphen" not in body
    [color] = [row for row in result.sources if row["paragraph_path"] == "color@val"]
    assert (color["source"], color["paragraph"]) == ("/payload/q", None)


FIELDS = {
    "computed by the template": "<w:instrText>{{ 'DDE' ~ 'AUTO' }} c:\\x </w:instrText>",
    "given by a value": "<w:instrText> {{ v }} </w:instrText>",
    "given in an attribute": '</w:r><w:fldSimple w:instr=" {{ v }} "/><w:r>',
}


@pytest.mark.parametrize("name", FIELDS)
async def test_a_field_that_runs_something_is_refused_also_where_rendering_makes_it_one(
    renderer: Renderer, name: str
) -> None:
    template = word.in_body(PLAIN, f"<w:p><w:r>{FIELDS[name]}</w:r></w:p>")
    if "{{ v" in FIELDS[name]:
        assert (await render(renderer, template, v="PAGE")).exit_code == 0
    with pytest.raises(TemplateRefusedError) as refused:
        await render(renderer, template, v="DDEAUTO c:\\x")
    assert refused.value.code is Fault.EXTERNAL


async def test_tags_in_what_nobody_is_shown_are_no_tags(renderer: Renderer) -> None:
    template = word.in_body(
        PLAIN, "<!-- {{ y }} {{ x.__class__ }} --><?p {{ y }}?><w:p><w:r><w:t>{{ n }}</w:t></w:r></w:p>"
    )
    result = await render(renderer, template, y="--><w:br/>")
    assert b"<w:t>3</w:t>" in word.entries(result.document)["word/document.xml"].replace(b' xml:space="preserve"', b"")
    assert not re.search("[\ufdd0-\ufdef]", word.entries(result.document)["word/document.xml"].decode())


async def test_docxtpls_own_environment_has_no_bounds() -> None:
    assert b"x" * 1_000_001 in by_docxtpl(word.document("{{ 'x' * 1000001 }}"))
