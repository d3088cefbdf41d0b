"""What a run gives, and where its files go."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from qmcp.client.documents.models import Run

MISSING_REQUIRED, STRICT_FAILED = 2, 4


@dataclass(frozen=True, slots=True)
class Produced:
    """A run and its archive, a zip."""

    run: Run
    archive: bytes

    @property
    def exit_code(self) -> int:
        """As the original's command had it: missing values go before the format there."""
        code = self.run.exit_code or 0
        return MISSING_REQUIRED if code == STRICT_FAILED and self.run.missing_required else code

    def write(self, folder: Path) -> list[Path]:
        """Writes the files into a folder; gives where they are."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        with zipfile.ZipFile(io.BytesIO(self.archive)) as opened:
            for name in opened.namelist():
                # A name is a file in this folder and nowhere else, whoever wrote the zip.
                target = folder / Path(name).name
                target.write_bytes(opened.read(name))
                written.append(target)
        return written
