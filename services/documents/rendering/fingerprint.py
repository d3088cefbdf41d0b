"""What decides which bytes come out of a run: our code and the versions of what it stands on."""

import hashlib
import platform
import zlib
from importlib.metadata import version
from pathlib import Path

from lxml import etree

LIBRARIES = ("docxtpl", "jinja2", "lxml", "pydantic", "pyyaml")
# The rooms that a document goes through.
ROOMS = ("opc", "placeholders", "templating", "formatting", "rendering", "skills")


def fingerprint() -> str:
    """SHA-256 over them: the same inputs and the same fingerprint give the same document."""
    digest = hashlib.sha256()
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\n".encode())
    for name, of in (("python", platform.python_version()), ("zlib", zlib.ZLIB_RUNTIME_VERSION)):
        digest.update(f"{name} {of}\n".encode())
    digest.update(f"libxml2 {etree.LIBXML_VERSION}\n".encode())
    top = Path(__file__).parent.parent
    for path in sorted(path for room in ROOMS for path in (top / room).rglob("*.py")):
        digest.update(path.relative_to(top).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
