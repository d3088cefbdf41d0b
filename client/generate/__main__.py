"""Writes what derives in the client: models from the protos, the sync client from the async one, the root of both.

`python client/generate [FOLDER]` writes into client/, or into another folder that `make check` compares with it.
"""

import subprocess
import sys
from pathlib import Path

import models
import root
import twins
from google.protobuf.descriptor_pb2 import FileDescriptorSet

CLIENT = Path(__file__).resolve().parents[1]
PROTOS = CLIENT.parent / "protos"
# Generated from the protos, with their comments in it.
DESCRIPTORS = CLIENT.parent / "gen" / "qmcp" / "descriptors.binpb"
PACKAGE = Path("qmcp/client")


def files() -> dict[str, str]:
    """Every generated file, by its path below client/."""
    written = {str(path.relative_to(CLIENT)): path.read_text() for path in (CLIENT / PACKAGE).rglob("*.py")}
    made: dict[str, str] = {}
    contract = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for service in _services():
        made[f"{PACKAGE}/{service}/models.py"] = models.source(contract, service, written)
    for path, text in written.items():
        if path.endswith("/aio.py") and path != f"{PACKAGE}/aio.py":
            made[path.removesuffix("aio.py") + "sync.py"] = twins.source(path, text)
    made |= root.sources(str(PACKAGE), _services(), written | made)
    return {path: _formatted(path, text) for path, text in sorted(made.items())}


def main(folder: Path) -> None:
    """Writes them."""
    for path, text in files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _services() -> list[str]:
    """The services that the client has calls for: those with a file of them and a package of protos."""
    folders = (file.parent.name for file in (CLIENT / PACKAGE).glob("*/aio.py"))
    return sorted(name for name in folders if (PROTOS / "qmcp" / name).is_dir())


def _formatted(path: str, text: str) -> str:
    """The text as `ruff` would have it, so that a generated file reads as a written one."""
    name = ["--stdin-filename", str(CLIENT / path), "-"]
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, *name]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CLIENT)
