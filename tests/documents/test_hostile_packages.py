"""Packages that are made to harm: each is refused with its code, before it is unpacked where its directory tells enough."""

import io
import zipfile
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from services.documents.opc.central_directory import check_package
from services.documents.opc.limits import MIB, PackageLimits
from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.opc.packages import read
from tests.documents import word

LIMITS = PackageLimits()
PLAIN = word.document("【MEETING_TITLE】")
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
FIELD = '<w:p><w:r><w:instrText> {0} "c:\\x.exe" </w:instrText></w:r></w:p>'


def patched(content: bytes, *replacements: tuple[bytes, bytes]) -> bytes:
    for old, new in replacements:
        assert old in content
        content = content.replace(old, new)
    return content


def flagged(content: bytes) -> bytes:
    """As if its first entry were encrypted, in the directory."""
    at = content.index(b"PK\x01\x02") + 8
    return content[:at] + b"\x01\x00" + content[at + 2 :]


def with_entry(name: str, content: bytes = b"x") -> bytes:
    return word.zipped([*word.entries(PLAIN).items(), (name, content)])


def linked() -> bytes:
    target = io.BytesIO(PLAIN)
    with zipfile.ZipFile(target, "a") as package:
        info = zipfile.ZipInfo("word/link.xml")
        info.external_attr = 0o120777 << 16
        package.writestr(info, "/etc/passwd")
    return target.getvalue()


def doubled(name: str) -> bytes:
    with pytest.warns(UserWarning, match="Duplicate") if name in word.entries(PLAIN) else nullcontext():
        return with_entry(name)


def overlapping() -> bytes:
    """Two entries of the directory that point at the same bytes."""
    content = with_entry("word/b.xml", b"y" * 100)
    first, last = content.index(b"PK\x01\x02"), content.rindex(b"PK\x01\x02")
    return content[: last + 42] + content[first + 42 : first + 46] + content[last + 46 :]


def with_doctype(name: str) -> bytes:
    return word.changed(PLAIN, {name: lambda xml: xml.replace(b"?>", b"?>" + ENTITIES, 1)})


def in_utf16(name: str) -> bytes:
    text = word.entries(with_doctype(name))[name].decode().replace("UTF-8", "UTF-16")
    return word.changed(PLAIN, {name: text.encode("utf-16")})


def understated() -> bytes:
    """Its directory says ten bytes, and its data are a million."""
    content = with_entry("word/a.xml", b"a" * 1_000_000)
    size = (1_000_000).to_bytes(4, "little")
    return content.replace(size, (10).to_bytes(4, "little"))


DIRECTORY: dict[str, tuple[Callable[[], bytes], Fault]] = {
    "no zip": (lambda: b"%PDF-1.7", Fault.NOT_A_ZIP),
    "nothing": (lambda: b"", Fault.NOT_A_ZIP),
    "a zip that ends too early": (lambda: PLAIN[:200], Fault.NOT_A_ZIP),
    "a document with a password": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), Fault.ENCRYPTED),
    "an encrypted entry": (lambda: flagged(PLAIN), Fault.ENCRYPTED),
    "another zip": (lambda: word.zipped({"a.txt": b"a"}), Fault.NOT_A_DOCUMENT),
    "a zip bomb": (lambda: with_entry("word/media/a.xml", bytes(20 * MIB)), Fault.RATIO),
    "an entry that is too large": (lambda: with_entry("word/a.xml", bytes(49 * MIB)), Fault.TOO_LARGE),
    "too many entries": (lambda: word.zipped({f"word/{n}.xml": b"" for n in range(2001)}), Fault.TOO_MANY_ENTRIES),
    "entries that share their bytes": (overlapping, Fault.RATIO),
    "an entry twice": (lambda: doubled("word/document.xml"), Fault.DUPLICATE_ENTRY),
    "an entry twice in other letters": (lambda: doubled("word/DOCUMENT.xml"), Fault.DUPLICATE_ENTRY),
    "a way out": (lambda: with_entry("../evil.xml"), Fault.PATH),
    "a way out in the middle": (lambda: with_entry("word/../../evil.xml"), Fault.PATH),
    "an absolute path": (lambda: with_entry("/etc/passwd"), Fault.PATH),
    "a drive": (lambda: with_entry("C:/evil.xml"), Fault.PATH),
    "a path of Windows": (lambda: with_entry("word\\..\\evil.xml"), Fault.PATH),
    "a name that ends early": (
        lambda: patched(with_entry("word/aXevil.xml"), (b"word/aXevil.xml", b"word/a\x00evil.xml")),
        Fault.PATH,
    ),
    "a link": (linked, Fault.PATH),
    "macros": (lambda: with_entry("word/vbaProject.bin"), Fault.MACROS),
    "an ActiveX control": (lambda: with_entry("word/activeX/activeX1.bin"), Fault.MACROS),
}
CONTENT: dict[str, tuple[Callable[[], bytes], Fault]] = {
    "entities that expand": (lambda: with_doctype("word/document.xml"), Fault.DOCTYPE),
    "entities in a part beside": (lambda: with_doctype("word/styles.xml"), Fault.DOCTYPE),
    "entities in relationships": (lambda: with_doctype("word/_rels/document.xml.rels"), Fault.DOCTYPE),
    "entities in another encoding": (lambda: in_utf16("word/document.xml"), Fault.DOCTYPE),
    "XML that breaks off": (lambda: word.changed(PLAIN, {"word/document.xml": lambda xml: xml[:-20]}), Fault.MALFORMED),
    "a picture from elsewhere": (lambda: word.related(PLAIN, "image", "http://127.0.0.1/x.png"), Fault.EXTERNAL),
    "a template from elsewhere": (
        lambda: word.related(PLAIN, "attachedTemplate", "file:///evil.dotm"),
        Fault.EXTERNAL,
    ),
    "a link to a program": (lambda: word.related(PLAIN, "hyperlink", "file:///c:/x.exe"), Fault.EXTERNAL),
    "a relationship that leaves the package": (
        lambda: word.related(PLAIN, "image", "../../../etc/passwd", "Internal"),
        Fault.PATH,
    ),
    "an imported document": (lambda: word.related(PLAIN, "aFChunk", "a.html", "Internal"), Fault.EXTERNAL),
    "a field that runs something": (lambda: word.in_body(PLAIN, FIELD.format("DDEAUTO")), Fault.EXTERNAL),
    "a document declared to have macros": (
        lambda: word.changed(
            PLAIN,
            {
                "[Content_Types].xml": lambda xml: patched(
                    xml,
                    (
                        b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                        b"application/vnd.ms-word.document.macroEnabled.main+xml",
                    ),
                )
            },
        ),
        Fault.MACROS,
    ),
    "an entry that is longer than it says": (understated, Fault.NOT_A_ZIP),
    "no main part": (lambda: word.changed(PLAIN, {"word/document.xml": None}), Fault.NOT_A_DOCUMENT),
}


@pytest.mark.parametrize("name", DIRECTORY)
def test_what_the_directory_tells_is_refused_before_unpacking(name: str) -> None:
    make, fault = DIRECTORY[name]
    with pytest.raises(TemplateRefusedError) as refused:
        check_package(make(), LIMITS)
    assert refused.value.code is fault
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("name", CONTENT)
def test_what_only_the_content_tells_is_refused_as_it_is_read(name: str) -> None:
    make, fault = CONTENT[name]
    content = make()
    check_package(content, LIMITS)
    with pytest.raises(TemplateRefusedError) as refused:
        read(content, LIMITS)
    assert refused.value.code is fault


def test_a_document_passes_and_comes_out_the_same_each_time() -> None:
    linked = word.related(PLAIN, "hyperlink", "https://example.com/")
    for content in (PLAIN, linked):
        check_package(content, LIMITS)
        package = read(content, LIMITS)
        assert package.entries == word.entries(content)
        assert [kind for _, kind in package.stories()] == ["document"]
        package.changed(package.main)
        assert package.pack() == read(package.pack(), LIMITS).pack()
        assert word.opened(package.pack()).paragraphs[0].text == "【MEETING_TITLE】"
