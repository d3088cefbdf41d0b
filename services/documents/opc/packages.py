"""A template taken apart and put together again: entries in their order, parts as trees, nothing of the clock.

Everything here runs in the limited process.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from services.documents.opc.limits import PackageLimits
from services.documents.opc.models import Fault, TemplateRefusedError

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_W = "http://purl.oclc.org/ooxml/wordprocessingml/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
OFFICE_DOCUMENT = "/officeDocument"
WORDPROCESSING = "application/vnd.openxmlformats-officedocument.wordprocessingml."
MAIN_TYPES = {f"{WORDPROCESSING}document.main+xml", f"{WORDPROCESSING}template.main+xml"}
# Parts with text of people in them, by the last word of their content type.
STORIES = ("header", "footer", "footnotes", "endnotes", "comments")
CORE_PROPERTIES = "application/vnd.openxmlformats-package.core-properties+xml"
# What a link to elsewhere may be: a person follows it, no program does when the document is opened.
HARMLESS_EXTERNAL = ("/hyperlink",)
HARMLESS_SCHEMES = ("http:", "https:", "mailto:", "tel:")
FETCHING = re.compile(
    r"[\s\"](DDE|DDEAUTO|INCLUDEPICTURE|INCLUDETEXT|INCLUDE|IMPORT|LINK|MACROBUTTON)[\s\"]", re.IGNORECASE
)
# The zip's own clock begins here; every entry has this time.
EPOCH = (1980, 1, 1, 0, 0, 0)
LEVEL = 6
CHUNK = 1 << 20


def parser() -> etree.XMLParser:
    """Reads what a stranger wrote: no entities, no network, no DTD."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        collect_ids=False,
    )


@dataclass(slots=True)
class Package:
    """The entries by name, in their order; `trees` has those that were parsed."""

    entries: dict[str, bytes]
    trees: dict[str, etree._Element] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    main: str = ""

    def tree(self, name: str) -> etree._Element:
        if name not in self.trees:
            self.trees[name] = parse(self.entries[name], name)
        return self.trees[name]

    def stories(self) -> Iterator[tuple[str, str]]:
        """The parts with text and their kinds, `document` first, then by kind and name."""
        yield self.main, "document"
        for kind in STORIES:
            wanted = f"{WORDPROCESSING}{kind}+xml"
            yield from ((name, kind) for name in sorted(self.types) if self.types[name] == wanted)

    def changed(self, name: str) -> None:
        """Writes the tree of a part back to its entry."""
        self.entries[name] = serialize(self.trees[name])

    def pack(self) -> bytes:
        """The zip: the same entries give the same bytes, whenever and wherever."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as package:
            for name, content in self.entries.items():
                package.writestr(entry(name), content, zipfile.ZIP_DEFLATED, LEVEL)
        return target.getvalue()


def entry(name: str) -> zipfile.ZipInfo:
    """An entry's header without a trace of the machine or the moment."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def serialize(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def read(template: bytes, limits: PackageLimits) -> Package:
    """Unpacks and checks what only the content can tell.

    Raises:
        TemplateRefusedError: for entries that are more than they say, DTDs, external relationships, macros, another
            kind of document.
    """
    package = Package(dict(_unpacked(template, limits)))
    package.types = _types(package)
    package.main = _main(package)
    _check_types(package)
    check_fields(package)
    for name in package.entries:
        if name.endswith(".rels"):
            _check_relationships(package.tree(name), name)
        elif name.endswith(".xml") or package.types.get(name, "").endswith("xml"):
            _check_doctype(package.entries[name], name)
    return package


def parse(content: bytes, name: str) -> etree._Element:
    _check_doctype(content, name)
    try:
        root = etree.fromstring(content, parser())
    except etree.XMLSyntaxError as error:
        raise TemplateRefusedError(Fault.MALFORMED, f"{name} is no well-formed XML: {error.msg}.", part=name) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype(name)
    return root


def _unpacked(template: bytes, limits: PackageLimits) -> Iterator[tuple[str, bytes]]:
    total = 0
    with zipfile.ZipFile(io.BytesIO(template)) as package:
        for info in package.infolist():
            if info.is_dir():
                continue
            content = bytearray()
            try:
                with package.open(info) as stream:
                    # What the directory says of sizes may be a lie: counted as it comes.
                    while piece := stream.read(CHUNK):
                        content += piece
                        total += len(piece)
                        if len(content) > limits.max_entry_bytes or total > limits.max_total_bytes:
                            raise TemplateRefusedError(
                                Fault.TOO_LARGE, f"{info.filename} unpacks to more than is taken.", part=info.filename
                            )
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
                raise TemplateRefusedError(
                    Fault.NOT_A_ZIP, f"{info.filename} cannot be unpacked: {error}.", part=info.filename
                ) from error
            yield info.filename, bytes(content)


def _types(package: Package) -> dict[str, str]:
    root = package.tree("[Content_Types].xml")
    defaults, overrides = {}, {}
    for element in root.iter(f"{{{CONTENT_TYPES}}}Default", f"{{{CONTENT_TYPES}}}Override"):
        kind = element.get("ContentType", "")
        if element.tag.endswith("Default"):
            defaults[element.get("Extension", "").casefold()] = kind
        else:
            overrides[unquote(element.get("PartName", "")).lstrip("/").casefold()] = kind
    return {
        name: overrides.get(name.casefold()) or defaults.get(name.rpartition(".")[2].casefold(), "")
        for name in package.entries
    }


def _main(package: Package) -> str:
    for relationship in package.tree("_rels/.rels").iter(f"{{{RELATIONSHIPS}}}Relationship"):
        if relationship.get("Type", "").endswith(OFFICE_DOCUMENT) and relationship.get("TargetMode") != "External":
            name = posixpath.normpath(unquote(relationship.get("Target", "")).lstrip("/"))
            if name in package.entries and package.tree(name).tag == f"{{{W}}}document":
                return name
            if name in package.entries and package.tree(name).tag == f"{{{STRICT_W}}}document":
                raise TemplateRefusedError(
                    Fault.NOT_A_DOCUMENT,
                    "The template is a Strict Open XML document; save it as Word document (.docx).",
                )
    raise TemplateRefusedError(Fault.NOT_A_DOCUMENT, "The template is no Word document: it has no main part of one.")


def _check_types(package: Package) -> None:
    for name, kind in package.types.items():
        lowered = kind.casefold()
        if "macroenabled" in lowered or "vba" in lowered or "activex" in lowered:
            raise TemplateRefusedError(Fault.MACROS, f"{name} is a program, or declared to have one.", part=name)
    if package.types[package.main] not in MAIN_TYPES:
        raise TemplateRefusedError(
            Fault.NOT_A_DOCUMENT, "The template's main part is not declared as that of a .docx.", part=package.main
        )


def _check_relationships(root: etree._Element, name: str) -> None:
    for relationship in root.iter(f"{{{RELATIONSHIPS}}}Relationship"):
        kind, target = relationship.get("Type", ""), relationship.get("Target", "")
        if relationship.get("TargetMode", "Internal").casefold() == "external":
            harmless = kind.endswith(HARMLESS_EXTERNAL) and target.strip().casefold().startswith(HARMLESS_SCHEMES)
            if not harmless:
                raise TemplateRefusedError(
                    Fault.EXTERNAL,
                    f"{name} fetches something from elsewhere when the document is opened ({kind.rpartition('/')[2]}); "
                    "embed it.",
                    part=name,
                )
            continue
        if kind.endswith("/aFChunk"):
            raise TemplateRefusedError(
                Fault.EXTERNAL, f"{name} has another document imported as it is opened.", part=name
            )
        _check_target(name, target)


def check_fields(package: Package) -> None:
    """Fields that Word fills by running or fetching something when the document is opened.

    Raises:
        TemplateRefusedError: there is one.
    """
    for name, _ in package.stories():
        root = package.tree(name)
        written = "".join(element.text or "" for element in root.iter(f"{{{W}}}instrText"))
        simple = " ".join(element.get(f"{{{W}}}instr", "") for element in root.iter(f"{{{W}}}fldSimple"))
        if found := FETCHING.search(f" {written} {simple} "):
            raise TemplateRefusedError(
                Fault.EXTERNAL, f"{name} has a field {found[1].upper()}, which runs or fetches something.", part=name
            )


def _check_target(name: str, target: str) -> None:
    folder = posixpath.dirname(posixpath.dirname(name))
    path = unquote(target).replace("\\", "/").partition("#")[0]
    resolved = posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path))
    if ":" in path or resolved.startswith("../") or resolved == "..":
        raise TemplateRefusedError(Fault.PATH, f"{name} names a part outside the document.", part=name)


def _check_doctype(content: bytes, name: str) -> None:
    # In UTF-16 the same letters have zeros between them.
    if b"<!DOCTYPE" in content.replace(b"\x00", b"") or b"<!ENTITY" in content.replace(b"\x00", b""):
        raise _doctype(name)


def _doctype(name: str) -> TemplateRefusedError:
    return TemplateRefusedError(
        Fault.DOCTYPE, f"{name} has a document type declaration, which no part of a document has.", part=name
    )
