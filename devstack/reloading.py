"""Notices changed source files, for `serve --reload`."""

import asyncio
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

POLL_SECONDS = 0.5
PACKAGES = ("services", "servicekit", "gateway", "qmcp")


async def changed() -> Path:
    """Waits for a change of a Python file of ours and returns it. By polling: any file system, no dependency."""
    before = _times()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        now = await asyncio.to_thread(_times)
        different = [path for path in before.keys() | now.keys() if before.get(path) != now.get(path)]
        if different:
            # An editor or a checkout writes several; wait until it is quiet.
            await asyncio.sleep(POLL_SECONDS)
            return min(different)


def _times() -> Mapping[Path, int]:
    found: dict[Path, int] = {}
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in Path(folder).rglob("*.py"):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
    return found
