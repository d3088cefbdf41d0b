"""Checks the signed statements of what left for archives, and reads archives and an export as one."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from qmcp.client.receipts.canonical import canonical
from qmcp.client.receipts.chains import Archived
from qmcp.client.receipts.keys import PublicKeys
from qmcp.client.receipts.shapes import fields_of
from qmcp.client.tools.models import ReceiptFault

_FIELDS = {"sequence": int, "signed_at": str, "until": str, "content": str, "signature": str, "key_id": str}
_CONTENT_KEYS = {"chains", "previous", "receipts", "sequence", "signed_at", "until"}
_RUN = {"digest": str, "first": int, "id": str, "last": int, "previous": str}
_NO_ARCHIVE = "0" * 64


@dataclass(frozen=True, slots=True)
class Archive:
    """One line that holds the statement of what left for an archive."""

    sequence: int
    signed_at: str
    until: str
    content: str
    signature: str
    key_id: str


def read_archive(line: dict[str, Any]) -> Archive:
    """The statement of a line; ValueError where it has not the shape of one."""
    return Archive(**fields_of(line, "archive", _FIELDS))


class ArchiveTrail:
    """The statements of an export in their order, each checked against the one before it."""

    def __init__(self, keys: PublicKeys) -> None:
        self._keys = keys
        self._previous: Archive | None = None

    def take(self, archive: Archive) -> tuple[list[Archived], list[ReceiptFault]]:
        """What a statement says has left, nothing where it is not signed; and what is wrong with it."""
        content = archive.content.encode()
        wrong = self._keys.fault_of(archive.signature, content, archive.key_id)
        before, self._previous = self._previous, archive
        if wrong:
            return [], [_fault(archive, wrong, kind="SIGNATURE_WRONG")]
        stated = _stated(content)
        if stated is None:
            return [], [_fault(archive, "the content is not the canonical JSON of an archive")]
        faults = [
            _fault(archive, f"{name} is {getattr(archive, name)!r}, the content says {stated[name]!r}")
            for name in ("sequence", "signed_at", "until")
            if getattr(archive, name) != stated[name]
        ]
        # An archive by itself follows others that are not here.
        expected = hashlib.sha256(before.content.encode()).hexdigest() if before else _NO_ARCHIVE
        follows = archive.sequence == (before.sequence if before else 0) + 1 and stated["previous"] == expected
        if not follows and (before or archive.sequence == 1):
            faults.append(_fault(archive, "it does not follow the one before it"))
        runs = [Archived(r["id"], r["first"], r["last"], r["previous"], r["digest"]) for r in stated["chains"]]
        return runs, faults


def joined(export: Iterable[bytes], archives: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """The lines of an export with those of archives in their places, as if nothing had left.

    What an archive has and the export has still stands once, as the export has it. Each must be whole.
    """
    kept = _Lines(export)
    sources = [kept, *(_Lines(archive) for archive in archives)]
    statements = {line for source in sources for line in source.statements()}
    yield from sorted(statements, key=lambda line: int(orjson.loads(line)["archive"]["sequence"]))
    place = None
    count = 0
    streams = (source.receipts(rank) for rank, source in enumerate(sources))
    for (*found, _), line in heapq.merge(*streams, key=lambda pair: pair[0]):
        if found != place:
            yield line
            count += 1
        place = found
    yield from kept.rest
    if all(source.whole for source in sources):
        yield orjson.dumps({"done": True, "count": count})


def number(archive: Iterable[bytes]) -> int:
    """The number of an archive, from its first line; 0 where nothing could leave.

    Raises:
        ValueError: where it is no archive.
    """
    first = orjson.loads(next(iter(archive), b"{}"))
    if "archive" not in first and first.get("done") is not True:
        raise ValueError("the file is no archive: its first line is no statement of what left")
    return 0 if "done" in first else read_archive(first).sequence


class _Lines:
    """The lines of one file: statements first, then receipts, then the rest."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(line for line in lines if line and not line.isspace())
        self._next: bytes | None = None
        self._count = 0
        self.rest: list[bytes] = []
        self.whole = False

    def statements(self) -> Iterator[bytes]:
        """Those at the beginning."""
        for line in self._lines:
            if not line.startswith(b'{"archive":'):
                self._next = line
                return
            yield line.rstrip(b"\r\n")

    def receipts(self, rank: int) -> Iterator[tuple[tuple[str, int, int], bytes]]:
        """Each with its chain, its place and the rank of this file; what comes after them is kept in `rest`."""
        for line in self._with_next():
            parsed = orjson.loads(line)
            if "receipt" in parsed:
                self._count += 1
                yield (parsed["receipt"]["chain_id"], parsed["receipt"]["sequence"], rank), line
            elif parsed.get("done") is True:
                self.whole = parsed.get("count") == self._count
            else:
                self.rest.append(line)

    def _with_next(self) -> Iterator[bytes]:
        if self._next is not None:
            yield self._next
        yield from self._lines


def _stated(content: bytes) -> dict[str, Any] | None:
    try:
        stated = orjson.loads(content)
    except ValueError:
        return None
    if type(stated) is not dict or stated.keys() != _CONTENT_KEYS or canonical(stated) != content:
        return None
    runs = stated["chains"]
    if type(runs) is not list or not all(type(run) is dict and run.keys() == _RUN.keys() for run in runs):
        return None
    return stated if all(type(run[name]) is kind for run in runs for name, kind in _RUN.items()) else None


def _fault(archive: Archive, detail: str, *, kind: str = "ARCHIVE_BROKEN") -> ReceiptFault:
    return ReceiptFault(kind=kind, sequence=archive.sequence, detail=f"archive {archive.sequence}: {detail}")
