"""`python -m tests.documents.second_reader`: what was rendered is opened by LibreOffice, made a PDF and read again.

It takes a minute and needs Debian's libreoffice-writer-nogui, so it is no part of the suite.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

from docx import Document

from services.documents.rendering.models import RenderRequest
from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue
from tests.documents import word

PROGRAM = "soffice"
PAYLOAD = {
    "meeting_title": "Quarter & <Friends>",
    "meeting_date": "2026-12-01",
    "meeting_time": "10:00\nsharp",
    "meeting_location": "会议室 1",
    "organizer": "Ada Lovelace",
    "attendees": ["Grace", "Alan"],
}
GUARD_SECONDS = 300


def _header(made: Any) -> None:
    made.sections[0].header.paragraphs[0].text = "【ORGANIZER】"
    made.sections[0].footer.paragraphs[0].text = "【MEETING_DATE】"


def _table(made: Any) -> None:
    for row in made.add_table(50, 4).rows:
        for cell, name in zip(row.cells, ("TITLE", "DATE", "TIME", "LOCATION"), strict=True):
            cell.text = f"【MEETING_{name}】"


# Templates by what they show, and what must be read again in each.
CORPUS: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "text": (lambda: word.document("【MEETING_TITLE】 in 【MEETING_LOCATION】"), ["Quarter & <Friends> in 会议室 1"]),
    "lines": (lambda: word.document("at 【MEETING_TIME】"), ["at 10:00", "sharp"]),
    "runs": (lambda: word.document(["by 【ORGA", "NIZER】"]), ["by Ada Lovelace"]),
    "lists": (lambda: word.document("【ATTENDEES】"), ["Grace, Alan"]),
    "tables": (lambda: word.document("", make=_table), ["2026-12-01"] * 50),
    "headers": (lambda: word.document("【MEETING_TITLE】", make=_header), ["Quarter"]),
    "text boxes": (lambda: word.with_text_box(word.document("x"), "【ORGANIZER】"), ["x"]),
    "footnotes": (lambda: word.with_footnote(word.document("y"), "【ORGANIZER】"), ["y"]),
    "missing": (lambda: word.document("【MEETING_TITLE】 【NOTHING_HAS_THIS】"), ["Quarter"]),
}


async def render(folder: Path) -> None:
    """Writes a document for each template, which python-docx opens."""
    async with Renderer(catalogue.load()) as renderer:
        for name, (make, _) in CORPUS.items():
            result = await renderer.render(RenderRequest(make(), "meeting_notice", PAYLOAD), GUARD_SECONDS)
            path = folder / f"{name}.docx"
            path.write_bytes(result.document)
            Document(str(path))


def convert(folder: Path, kind: str) -> None:
    """Has LibreOffice open all of them and write them in another form."""
    documents = sorted(str(path) for path in folder.glob("*.docx"))
    command = [PROGRAM, "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--convert-to", kind]
    subprocess.run(
        [*command, "--outdir", str(folder), *documents], check=True, timeout=GUARD_SECONDS, capture_output=True
    )


def faults(folder: Path) -> list[str]:
    """What is not as it was rendered, a sentence each."""
    found = []
    for name, (_, expected) in CORPUS.items():
        pdf = folder / f"{name}.pdf"
        if not pdf.exists() or not pdf.read_bytes().startswith(b"%PDF"):
            found.append(f"{name}: there is no PDF of it")
        text = (folder / f"{name}.txt").read_text("utf-8-sig")
        found += [f"{name}: {each!r} is not read" for each in set(expected) if text.count(each) < expected.count(each)]
    return found


def main() -> int:
    if which(PROGRAM) is None:
        print(f"{PROGRAM} is missing: apt-get install libreoffice-writer-nogui", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="qmcp-second-reader-") as place:
        folder = Path(place)
        asyncio.run(render(folder))
        for kind in ("pdf", "txt:Text (encoded):UTF8"):
            convert(folder, kind)
        found = faults(folder)
    for fault in found:
        print(fault)
    print(f"{len(CORPUS)} documents opened by LibreOffice, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
