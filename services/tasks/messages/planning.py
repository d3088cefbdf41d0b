"""Planning files as messages."""

from qmcp.tasks.v1 import planning_pb2 as pb

from servicekit.timestamps import to_timestamp
from services.tasks.planning.models import PlanningFile


def file_to(file: PlanningFile) -> pb.PlanningFile:
    return pb.PlanningFile(
        file_type=file.file_type,
        name=file.name,
        archived=file.archived,
        size_bytes=file.size,
        updated_at=to_timestamp(file.updated_at),
        content=file.content,
    )
