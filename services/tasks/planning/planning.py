"""Planning files: listed, read, archived and taken out of the archive, beside the loop."""

import asyncio

from services.tasks.planning.files import FOLDERS, PlanningFolder
from services.tasks.planning.models import PlanningFile


class Planning:
    """What calls do with the operator's folder. Whoever may read tasks sees it, whoever may write them moves files."""

    def __init__(self, folder: PlanningFolder) -> None:
        self._folder = folder

    async def files(self, file_type: str, *, archived: bool) -> list[PlanningFile]:
        """Those of a type, or all, by type and name."""
        found: list[PlanningFile] = []
        for each in [file_type] if file_type else FOLDERS:
            found += await asyncio.to_thread(self._folder.files, each, archived=archived)
        return found

    async def read(self, file_type: str, name: str, *, archived: bool) -> PlanningFile:
        """One with what stands in it; the type in either number."""
        return await asyncio.to_thread(self._folder.read, file_type.removesuffix("s"), name, archived=archived)

    async def move(self, file_type: str, name: str, *, archived: bool) -> list[PlanningFile]:
        """Moves one with what belongs to it into the archive, or out of it."""
        return await asyncio.to_thread(self._folder.move, file_type, name, archived=archived)
