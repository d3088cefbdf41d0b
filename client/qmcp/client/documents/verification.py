"""Verifies an archive without a server: every entry against the manifest, every value against the document."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

MANIFEST = "manifest.json"
# What differs from run to run, and is in no manifest.
OF_THE_RUN = {"api_result.json", "trace.json", MANIFEST}
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MARKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n"}
OWN_PARAGRAPHS = {f"{W}p", f"{W}tbl", f"{W}txbxContent"}


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    entries: int
    values: int
    # Each a sentence that names the entry or the value.
    faults: list[str]

    @property
    def valid(self) -> bool:
        return not self.faults


def verify_archive(archive: Path, *, template: Path | None = None, task: Path | None = None) -> Verified:
    """Checks it against its own manifest, and that against the files that are said to have gone in.

    ValueError where it is no archive of a run.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = {name: opened.read(name) for name in opened.namelist()}
        manifest = json.loads(entries[MANIFEST])
        recorded = dict(manifest["entries"])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError):
        raise ValueError(f"{archive} is no archive of a run: it has no manifest that can be read") from None
    faults = [f"{name} is in the manifest and not in the archive" for name in recorded if name not in entries]
    faults += [f"{name} is in the archive and not in the manifest" for name in entries.keys() - recorded - OF_THE_RUN]
    changed = [name for name, digest in recorded.items() if name in entries and _digest(entries[name]) != digest]
    faults += [f"{name} was changed" for name in changed]
    for what, file in (("template", template), ("task", task)):
        if file is not None and _digest(file.read_bytes()) != manifest["inputs"].get(what):
            faults.append(f"{file} is not the {what} that went in")
    values = list(manifest.get("sources", []))
    if "out.docx" in changed:
        faults += _changed_values(entries["out.docx"], values)
    return Verified(len(recorded), len(values), faults)


def _changed_values(document: bytes, values: list[dict[str, Any]]) -> list[str]:
    """The values that do not stand any more where they were filled in."""
    texts: dict[str, _Texts] = {}
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(document)) as opened:
        for part in {str(each["part"]) for each in values} & set(opened.namelist()):
            texts[part] = _texts(opened.read(part))
    return [
        f"the value of {each['field_name']} in {each['part']}, {each['paragraph_path']}, was changed"
        for each in values
        if not _stands(texts.get(str(each["part"]), _Texts()), each)
    ]


@dataclass(frozen=True, slots=True)
class _Texts:
    """What stands in a part: paragraphs, and by their names other elements and attributes (`title`, `docPr@descr`)."""

    paragraphs: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)


def _stands(texts: _Texts, value: dict[str, Any]) -> bool:
    """Whether it is where the manifest says."""
    number, start, end = value["paragraph"], int(value["start"]), int(value["end"])
    if number is None:
        found = texts.others.get(str(value["paragraph_path"]), [])
    else:
        found = texts.paragraphs[int(number) : int(number) + 1] if int(number) >= 0 else []
    return any(_digest(text[start:end].encode()) == str(value["value_sha256"]) for text in found)


def _texts(part: bytes) -> _Texts:
    """Of a part, in the order of the document; paragraphs of text boxes are of their own."""
    texts = _Texts()
    try:
        root = ET.fromstring(part)  # noqa: S314 - expat expands no entity beyond its bounds, and resolves none
    except ET.ParseError:
        return texts
    for element in root.iter():
        name = _local(element.tag)
        if element.tag == f"{W}p":
            texts.paragraphs.append("".join(map(_text_of, _runs(element))))
        texts.others.setdefault(name, []).append(element.text or "")
        texts.others.setdefault("", []).append(element.tail or "")
        for attribute, written in element.items():
            texts.others.setdefault(f"{name}@{_local(attribute)}", []).append(written)
    return texts


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _runs(parent: ET.Element) -> Iterator[ET.Element]:
    for child in parent:
        if child.tag == f"{W}r":
            yield child
        elif child.tag not in OWN_PARAGRAPHS:
            yield from _runs(child)


def _text_of(run: ET.Element) -> str:
    return "".join(each.text or "" if each.tag == f"{W}t" else MARKS.get(str(each.tag), "") for each in run)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
