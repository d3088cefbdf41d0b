"""The descriptor sets that Envoy and the OpenAPI document are made from.

In the image they are there; on a laptop they are built when they are missing or older than the protos.
"""

import os
import subprocess
import sys
from pathlib import Path

GATEWAY = Path(__file__).resolve().parent
BUILD = GATEWAY / "build"
PROTOS = GATEWAY.parent / "protos"


def descriptors() -> Path:
    """The descriptor set for the transcoder."""
    return _fresh("descriptors", BUILD / "descriptors.binpb")


def documented() -> Path:
    """The same with the comments in it."""
    return _fresh("documented", BUILD / "documented.binpb")


def _fresh(kind: str, file: Path) -> Path:
    sources = [*PROTOS.glob("qmcp/**/*.proto"), PROTOS / "generate.py"] if PROTOS.is_dir() else []
    newest = max((source.stat().st_mtime for source in sources), default=0.0)
    if file.exists() and file.stat().st_mtime >= newest:
        return file
    if not sources:
        raise SystemExit(f"{file} is missing, and there is no protos/ to build it from.")
    # Beside it and then moved, so that two who build at the same time cannot read half a file.
    scratch = file.with_suffix(f".{os.getpid()}.tmp")
    subprocess.run([sys.executable, str(PROTOS / "generate.py"), kind, str(scratch)], check=True)  # noqa: S603
    scratch.replace(file)
    return file
