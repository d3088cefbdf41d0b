"""The calls about planning files."""

from typing import Any

from grpc.aio import ServicerContext
from qmcp.tasks.v1 import planning_pb2 as pb

from services.tasks.messages.planning import file_to
from services.tasks.planning.planning import Planning

Context = ServicerContext[Any, Any]


class PlanningCalls:
    """See protos/qmcp/tasks/v1/planning.proto."""

    _planning: Planning

    async def ShowPlanningFiles(
        self, request: pb.ShowPlanningFilesRequest, context: Context
    ) -> pb.ShowPlanningFilesResponse:
        files = await self._planning.files(request.file_type, archived=False)
        return pb.ShowPlanningFilesResponse(files=map(file_to, files))

    async def ShowArchivedPlanningFiles(
        self, request: pb.ShowArchivedPlanningFilesRequest, context: Context
    ) -> pb.ShowArchivedPlanningFilesResponse:
        files = await self._planning.files(request.file_type, archived=True)
        return pb.ShowArchivedPlanningFilesResponse(files=map(file_to, files))

    async def GetPlanningFile(self, request: pb.GetPlanningFileRequest, context: Context) -> pb.PlanningFile:
        return file_to(await self._planning.read(request.file_type, request.name, archived=request.archived))

    async def ArchivePlanningFile(
        self, request: pb.ArchivePlanningFileRequest, context: Context
    ) -> pb.ArchivePlanningFileResponse:
        moved = await self._planning.move(request.file_type, request.name, archived=True)
        return pb.ArchivePlanningFileResponse(success=True, moved=map(file_to, moved))

    async def UnarchivePlanningFile(
        self, request: pb.UnarchivePlanningFileRequest, context: Context
    ) -> pb.UnarchivePlanningFileResponse:
        moved = await self._planning.move(request.file_type, request.name, archived=False)
        return pb.UnarchivePlanningFileResponse(success=True, moved=map(file_to, moved))
