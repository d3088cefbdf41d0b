"""Verifies an archive without a server: every entry against the manifest, every value against the document."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
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
    texts: dict[str, list[str]] = {}
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(document)) as opened:
        for part in {str(each["part"]) for each in values} & set(opened.namelist()):
            texts[part] = _paragraphs(opened.read(part))
    return [
        f"the value of {each['field_name']} in {each['part']}, {each['paragraph_path']}, was changed"
        for each in values
        if not _stands(texts.get(str(each["part"]), []), each)
    ]


def _stands(texts: list[str], value: dict[str, Any]) -> bool:
    """Whether it is where the manifest says, in the paragraphs of its part."""
    number = int(value["paragraph"])
    text = texts[number] if 0 <= number < len(texts) else ""
    return _digest(text[int(value["start"]) : int(value["end"])].encode()) == str(value["value_sha256"])


def _paragraphs(part: bytes) -> list[str]:
    """The texts of a part's paragraphs in the order of the document, those of text boxes as paragraphs of their own."""
    try:
        root = ET.fromstring(part)  # noqa: S314 - expat expands no entity beyond its bounds, and resolves none
    except ET.ParseError:
        return []
    return ["".join(map(_text_of, _runs(paragraph))) for paragraph in root.iter(f"{W}p")]


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
