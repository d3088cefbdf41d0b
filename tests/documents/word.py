"""Word documents for tests: made by python-docx, and by hand where they are to be wrong."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

from docx import Document
from docx.document import Document as WordDocument

from services.documents.opc.packages import W

HEADER_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TEXT_BOX = (
    f'<w:p xmlns:w="{W}" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r><mc:AlternateContent>'
    '<mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent><w:p><w:r><w:t>{0}</w:t></w:r></w:p>'
    "</w:txbxContent></wps:txbx></w:drawing></mc:Choice></mc:AlternateContent></w:r></w:p>"
)
FOOTNOTES = (
    f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:footnotes xmlns:w="{W}">'
    '<w:footnote w:id="1"><w:p><w:r><w:t>{0}</w:t></w:r></w:p></w:footnote></w:footnotes>'
)


def document(*paragraphs: str | Sequence[str], make: Callable[[WordDocument], None] | None = None) -> bytes:
    """A document of these paragraphs; one of several texts has a run for each."""
    made = Document()
    for paragraph in paragraphs:
        runs = [paragraph] if isinstance(paragraph, str) else paragraph
        line = made.add_paragraph()
        for run in runs:
            line.add_run(run)
    if make is not None:
        make(made)
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def opened(content: bytes) -> WordDocument:
    return Document(io.BytesIO(content))


def entries(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {info.filename: package.read(info) for info in package.infolist()}


def zipped(content: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, each in content.items() if isinstance(content, Mapping) else content:
            package.writestr(name, each)
    return target.getvalue()


def changed(content: bytes, changes: Mapping[str, bytes | Callable[[bytes], bytes] | None]) -> bytes:
    """With other entries; None takes one away."""
    parts = entries(content)
    for name, change in changes.items():
        if change is None:
            del parts[name]
        else:
            parts[name] = change(parts[name]) if callable(change) else change
    return zipped(parts)


def related(
    content: bytes, kind: str, target: str, mode: str = "External", rels: str = "word/_rels/document.xml.rels"
) -> bytes:
    """With one relationship more, of a kind that ends so."""
    more = f'<Relationship Id="rId999" Type="{OFFICE}/{kind}" Target="{target}" TargetMode="{mode}"/></Relationships>'
    return changed(content, {rels: lambda xml: xml.replace(b"</Relationships>", more.encode())})


def with_footnote(content: bytes, text: str) -> bytes:
    override = f'<Override PartName="/word/footnotes.xml" ContentType="{HEADER_TYPE}.footnotes+xml"/></Types>'
    parts = changed(
        related(content, "footnotes", "footnotes.xml", "Internal"),
        {"[Content_Types].xml": lambda xml: xml.replace(b"</Types>", override.encode())},
    )
    return zipped({**entries(parts), "word/footnotes.xml": FOOTNOTES.format(text).encode()})


def with_text_box(content: bytes, text: str) -> bytes:
    return in_body(content, TEXT_BOX.format(text))


def in_body(content: bytes, xml: str) -> bytes:
    return changed(content, {"word/document.xml": lambda body: body.replace(b"<w:body>", b"<w:body>" + xml.encode())})
