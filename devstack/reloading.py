"""Notices changed source files, for `serve --reload`."""

import asyncio
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

POLL_SECONDS = 0.5
PACKAGES = ("services", "servicekit", "gateway", "qmcp")


class Sources:
    """Python files of ours as they were at the last look: what changes while services start is seen after it."""

    def __init__(self) -> None:
        self._seen = _times()

    async def changed(self) -> Path:
        """Waits for a change and returns the file. By polling: any file system, no dependency."""
        found: set[Path] = set()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            different = await self._different()
            # An editor or a checkout writes several; wait until it is quiet.
            if found and not different:
                return min(found)
            found.update(different)

    async def _different(self) -> list[Path]:
        before, self._seen = self._seen, await asyncio.to_thread(_times)
        return [path for path in before.keys() | self._seen.keys() if before.get(path) != self._seen.get(path)]


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
