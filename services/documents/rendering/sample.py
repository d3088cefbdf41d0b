"""A small document, by which a process has done everything once before it does it for anybody."""

import io
import zipfile
from typing import Any

from services.documents.opc.packages import CONTENT_TYPES, MAIN_TYPES, RELATIONSHIPS, W, entry

Json = Any
MAIN_TYPE = min(MAIN_TYPES)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{CONTENT_TYPES}"><Default Extension="rels" ContentType="application/vnd.'
    'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{MAIN_TYPE}"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{RELATIONSHIPS}"><Relationship Id="rId1" Type="{OFFICE}" '
    'Target="word/document.xml"/></Relationships>',
    "word/document.xml": f'<w:document xmlns:w="{W}"><w:body><w:p><w:pPr><w:spacing w:line="240"/><w:ind w:firstLine='
    '"480"/></w:pPr><w:r><w:rPr><w:sz w:val="24"/></w:rPr><w:t>【A】 【A</w:t></w:r><w:r><w:t>】</w:t></w:r></w:p>'
    "<w:tbl><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc><w:p><w:r><w:t>{% for b in a|sort(attribute='c') %}"
    "{{ b.c|upper }}{% if b.d is odd %}{{ b.d }}{% endif %}{% endfor %}{{ e|join }}</w:t></w:r></w:p></w:tc></w:tr>"
    "</w:tbl></w:body></w:document>",
}


def _document() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in PARTS.items():
            package.writestr(entry(name), content)
    return target.getvalue()


DOCUMENT = _document()


def requests() -> list[Json]:
    """One of each kind."""
    values = {"texts": {"A": "x\ty\n"}, "keys": {"A": "a"}, "required": ["a"], "unsupported_mode": "error"}
    options = {"mode": "strict", "baseline": "policy", "fix_mode": "safe", "report": "both"}
    more = {"engine": "placeholders", "payload": {"a": [{"c": "x\n", "d": 1}], "e": [1.5]}, "properties": {}}
    common = {**values, **more, "format": options, "policy": None, "export_suggested_policy": True}
    render = {"do": "render", **common}
    every = [render, {**render, "unsupported_mode": "warn"}, {"do": "precheck", **common}, {"do": "describe", **common}]
    return every + [{**asked, "engine": "jinja"} for asked in every]
