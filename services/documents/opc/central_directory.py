"""What can be said of a template without unpacking a byte of it: the checks before a process is taken for it."""

import io
import re
import stat
import unicodedata
import zipfile
from itertools import pairwise

from services.documents.opc.limits import PackageLimits
from services.documents.opc.models import Fault, TemplateRefusedError

MAGIC = b"PK\x03\x04"
# A compound file: what Word writes when a document has a password, and what documents were before 2007.
COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
NEEDED = ("[Content_Types].xml", "_rels/.rels")
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 0x1 | 0x40 | 0x2000
MACROS = re.compile(r"(^|/)(vbaProject\.bin|vbaData\.xml|vbaProjectSignature[^/]*)$|(^|/)activeX/", re.IGNORECASE)


def check_package(template: bytes, limits: PackageLimits) -> None:
    """Passes what may be unpacked in a limited process.

    Raises:
        TemplateRefusedError: naming the entry where it is one.
    """
    if not template.startswith(MAGIC):
        if template.startswith(COMPOUND_MAGIC):
            raise TemplateRefusedError(
                Fault.ENCRYPTED,
                "The template is protected by a password, or a document of before 2007; save it as .docx.",
            )
        raise TemplateRefusedError(Fault.NOT_A_ZIP, "The template is no .docx: it does not begin as a zip does.")
    entries = _entries(template, limits)
    _check_sizes(entries, limits)
    _check_names(entries, limits)
    names = {entry.filename for entry in entries}
    if missing := [name for name in NEEDED if name not in names]:
        raise TemplateRefusedError(Fault.NOT_A_DOCUMENT, f"The template is no .docx: it has no {missing[0]}.")


def _entries(template: bytes, limits: PackageLimits) -> list[zipfile.ZipInfo]:
    # The end record says how many there are, in two bytes or in Zip64's; reading more than are allowed costs memory.
    if template.count(b"PK\x01\x02") > 2 * limits.max_entries:
        raise _too_many(limits)
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OverflowError) as error:
        raise TemplateRefusedError(Fault.NOT_A_ZIP, f"The template cannot be read as a zip: {error}.") from error
    if len(entries) > limits.max_entries:
        raise _too_many(limits)
    return entries


def _too_many(limits: PackageLimits) -> TemplateRefusedError:
    return TemplateRefusedError(
        Fault.TOO_MANY_ENTRIES, f"The template has more than {limits.max_entries} entries, the most that is taken."
    )


def _check_sizes(entries: list[zipfile.ZipInfo], limits: PackageLimits) -> None:
    total, ends = 0, []
    for entry in entries:
        size, packed = entry.file_size, entry.compress_size
        if size > limits.max_entry_bytes:
            raise _refused(Fault.TOO_LARGE, entry, f"unpacks to {size} bytes; {limits.max_entry_bytes} are the most")
        if size > limits.ratio_from_bytes and size > packed * limits.max_ratio:
            raise _refused(Fault.RATIO, entry, f"unpacks to more than {limits.max_ratio} times what it takes packed")
        total += size
        ends.append((entry.header_offset, entry.header_offset + packed, entry))
    if total > limits.max_total_bytes:
        raise TemplateRefusedError(
            Fault.TOO_LARGE, f"The template unpacks to {total} bytes; {limits.max_total_bytes} are the most."
        )
    # Entries that share bytes make a small file unpack to a large one without a ratio that stands out.
    ends.sort(key=lambda each: each[0])
    for (_, end, _), (start, _, entry) in pairwise(ends):
        if start < end:
            raise _refused(Fault.RATIO, entry, "overlaps with another entry")


def _check_names(entries: list[zipfile.ZipInfo], limits: PackageLimits) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        if entry.flag_bits & ENCRYPTED:
            raise _refused(Fault.ENCRYPTED, entry, "is encrypted")
        if entry.compress_type not in METHODS:
            raise _refused(
                Fault.NOT_A_ZIP, entry, f"is packed by method {entry.compress_type}, which .docx does not use"
            )
        if not _is_part_name(name, limits) or stat.S_ISLNK(entry.external_attr >> 16) or entry.orig_filename != name:
            raise _refused(Fault.PATH, entry, "has a name that no part of a document has")
        # Names of parts are the same whatever their case.
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise _refused(Fault.DUPLICATE_ENTRY, entry, "is there twice")
        seen.add(folded)
        if MACROS.search(name):
            raise _refused(Fault.MACROS, entry, "is a program; save the template as .docx, which has none")


def _is_part_name(name: str, limits: PackageLimits) -> bool:
    plain = not any(unicodedata.category(letter).startswith("C") for letter in name)
    steps = name.removesuffix("/").split("/")
    # `.` ends no step by the specification, and with it go `.`, `..` and what Windows takes for them.
    relative = all(step and not step.endswith(".") for step in steps)
    return plain and relative and not set(name) & set('\\:*?"<>|') and len(name.encode()) <= limits.max_name_bytes


def _refused(fault: Fault, entry: zipfile.ZipInfo, what: str) -> TemplateRefusedError:
    part = entry.filename[:200]
    return TemplateRefusedError(fault, f"The template's entry {part!r} {what}.", part=part)
