"""What lies in a folder of temporary files, and whether that is more than there should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANY, LARGE_BYTES = 1000, 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Watermark:
    """How many files there are, how large together, and which are the largest."""

    root: str
    count: int
    bytes: int
    top_n: list[dict[str, Any]]
    warnings: list[str]


def watermark(root: Path, top: int = 10) -> Watermark:
    """Counts what is in a folder; what goes away meanwhile is not counted."""
    warnings: list[str] = [] if root.is_dir() else [f"{root} is no folder that can be read"]
    found = sorted(_files(root), key=lambda each: -each[1])
    total = sum(size for _, size in found)
    if len(found) > MANY:
        warnings.append(f"more than {MANY} files")
    if total > LARGE_BYTES:
        warnings.append(f"more than {LARGE_BYTES} bytes")
    largest = [{"path": str(path), "bytes": size} for path, size in found[:top]]
    return Watermark(str(root), len(found), total, largest, warnings)


def _files(root: Path) -> Iterator[tuple[Path, int]]:
    for path in root.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                yield path, path.stat().st_size
        except OSError:
            continue
