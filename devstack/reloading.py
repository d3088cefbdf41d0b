"""Notices changed source files, for `serve --reload` and `pytest --watch`."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

POLL_SECONDS = 0.5
PACKAGES = ("services", "servicekit", "gateway", "qmcp")


class Sources:
    """Python files as they were at the last look: what changes while services start is seen after it."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """Of these folders; without any, ours that run."""
        self._folders = folders or _ours()
        self._seen = _times(self._folders)

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
        before, self._seen = self._seen, await asyncio.to_thread(_times, self._folders)
        return [path for path in before.keys() | self._seen.keys() if before.get(path) != self._seen.get(path)]


def _ours() -> Sequence[Path]:
    specs = map(find_spec, PACKAGES)
    return [Path(folder) for spec in specs if spec for folder in spec.submodule_search_locations or ()]


def _times(folders: Sequence[Path]) -> Mapping[Path, int]:
    found: dict[Path, int] = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                found[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return found
