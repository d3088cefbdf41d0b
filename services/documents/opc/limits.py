"""How large a template may be, packed and unpacked."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PackageLimits:
    """What the central directory of a template may say; a Word document of a thousand pages stays far below."""

    max_entries: int = 2000
    # Unpacked, bytes: of one entry and of all.
    max_entry_bytes: int = 48 * MIB
    max_total_bytes: int = 128 * MIB
    # Unpacked to packed, for entries beyond `ratio_from_bytes`: XML of a long table comes to 40.
    max_ratio: int = 200
    ratio_from_bytes: int = MIB
    max_name_bytes: int = 255
