"""The zip of a batch: a folder for each run, written while it is sent."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from services.documents.models import Batch, BatchItem
from services.documents.runs.archive import EPOCH, as_json

INDEX = "batch.json"
# Most of it is documents, which are packed already.
LEVEL = 1


class _Sent(io.RawIOBase):
    """What was written and not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.waiting += data
        return len(data)


class BatchArchive:
    """A zip in the making, from the beginning to the end: what was taken is gone from memory."""

    def __init__(self, batch: Batch, items: Sequence[BatchItem]) -> None:
        """Begins it with what became of each run."""
        self._sent = _Sent()
        self._zip = zipfile.ZipFile(self._sent, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        told = {
            "batch_id": batch.id,
            "status": batch.status,
            "template_sha256": batch.template_sha256,
            "outcomes": dict(batch.outcomes),
            "items": [_told(each) for each in items],
        }
        self._write(INDEX, as_json(told))

    def add(self, item: BatchItem, archive: bytes) -> None:
        """The files of a run's archive, in its folder."""
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for name in opened.namelist():
                self._write(f"{folder(item)}/{name}", opened.read(name))

    def taken(self) -> bytes:
        """What there is to be sent now."""
        taken, self._sent.waiting = bytes(self._sent.waiting), bytearray()
        return taken

    def close(self) -> None:
        """Writes the directory."""
        self._zip.close()

    def _write(self, name: str, content: bytes) -> None:
        entry = zipfile.ZipInfo(name, EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        entry.create_system = 3
        self._zip.writestr(entry, content, compresslevel=LEVEL)


def folder(item: BatchItem) -> str:
    """`0001`, `0002`, …, in the order of the payloads."""
    return f"{item.number:04}"


def _told(item: BatchItem) -> dict[str, Any]:
    return {
        "item": item.number,
        "folder": folder(item) if item.archive_bytes else None,
        "run_id": item.run_id,
        "outcome": item.outcome,
        "exit_code": item.exit_code,
        "error_code": item.error_code,
        "document_sha256": item.document_sha256,
    }
