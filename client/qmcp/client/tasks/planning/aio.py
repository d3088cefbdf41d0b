"""What the client can do with planning files."""

from qmcp.client.calling.aio import AsyncCalls
from qmcp.client.calling.conversion import from_message
from qmcp.client.tasks.models import PlanningFile
from qmcp.tasks.v1 import planning_pb2


class AsyncPlanning(AsyncCalls):
    """The calls about plans that are files."""

    async def list_planning_files(self, file_type: str = "", *, archived: bool = False) -> list[PlanningFile]:
        """The files of a type (`prd`, `epic`, `task`), or all, without what stands in them; or those in the archive."""
        if archived:
            there = await self._send(planning_pb2.ShowArchivedPlanningFilesRequest(file_type=file_type))
            return [from_message(PlanningFile, each) for each in there.files]
        here = await self._send(planning_pb2.ShowPlanningFilesRequest(file_type=file_type))
        return [from_message(PlanningFile, each) for each in here.files]

    async def get_planning_file(self, file_type: str, name: str, *, archived: bool = False) -> PlanningFile:
        """One with what stands in it."""
        request = planning_pb2.GetPlanningFileRequest(file_type=file_type, name=name, archived=archived)
        return await self._call(request, PlanningFile)

    async def archive_planning_file(self, file_type: str, name: str) -> list[PlanningFile]:
        """Moves one, and what belongs to it by its number, into the archive; what was moved."""
        answer = await self._send(planning_pb2.ArchivePlanningFileRequest(file_type=file_type, name=name))
        return [from_message(PlanningFile, each) for each in answer.moved]

    async def unarchive_planning_file(self, file_type: str, name: str) -> list[PlanningFile]:
        """Moves one, and what belongs to it by its number, out of the archive; what was moved."""
        answer = await self._send(planning_pb2.UnarchivePlanningFileRequest(file_type=file_type, name=name))
        return [from_message(PlanningFile, each) for each in answer.moved]
