"""Who is shown what is in a project, and who enters one to change it, for as long as a transaction lasts."""

from functools import lru_cache
from uuid import UUID

from servicekit.errors import ServiceError, permission_denied
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.tasks import errors
from services.tasks.board.store import projects as store
from services.tasks.board.store import tasks
from services.tasks.models import Project, Task

MAX_NUMBER = 2**31 - 1


async def entered(connection: Connection, project_id: UUID, viewer: Viewer, *, alone: bool = False) -> Project | None:
    """A project in which the viewer is about to change something; None where it does not see it.

    What is in it is not deleted before the transaction ends; alone: nobody else is within.

    Raises:
        ServiceError: PERMISSION_DENIED where it sees it and does not work on it.
    """
    await store.lock(connection, project_id, alone=alone)
    project = await store.get(connection, project_id)
    if project is None or not viewer.sees(project.audience):
        return None
    if refused := refusal(project, project.id, viewer):
        raise refused
    return project


def refusal(project: Project | None, project_id: str, viewer: Viewer) -> ServiceError | None:
    """Why somebody may change nothing in a project; None where they may."""
    if project is None or not viewer.sees(project.audience):
        return errors.project_not_found(project_id)
    permission = f"{viewer.service}.admin"
    return None if worker(viewer).sees(project.audience) else permission_denied(permission)


def worker(viewer: Viewer) -> Viewer:
    """The same as one who sees what it may change: an auditor only what it works on."""
    return Viewer(viewer.principal, viewer.service, sees_all=viewer.principal.may(f"{viewer.service}.admin"))


async def shown(connection: Connection, task_id: str, viewer: Viewer) -> Task:
    """A task that the viewer sees.

    Raises:
        ServiceError: TASK_NOT_FOUND.
    """
    task = await tasks.get(connection, uuid_of(task_id))
    project = await store.get(connection, UUID(task.project_id)) if task else None
    if task is None or project is None or not viewer.sees(project.audience):
        raise errors.task_not_found(task_id)
    return task


async def entered_for(connection: Connection, task_id: str, viewer: Viewer, *, alone: bool = False) -> UUID:
    """The project in which the viewer is about to change a task; see `entered`.

    Raises:
        ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED.
    """
    project_id = await tasks.project_of(connection, uuid_of(task_id))
    if project_id is None or await entered(connection, project_id, viewer, alone=alone) is None:
        raise errors.task_not_found(task_id)
    return project_id


async def found(connection: Connection, task_id: UUID) -> Task:
    """A task whose project was entered.

    Raises:
        ServiceError: TASK_NOT_FOUND where it was deleted since its project was looked up.
    """
    return _there(await tasks.get(connection, task_id), task_id)


async def locked(connection: Connection, task_id: UUID) -> Task:
    """The same, and nobody else changes it before the transaction ends."""
    return _there(await tasks.get(connection, task_id, lock=True), task_id)


@lru_cache(maxsize=4096)
def uuid_of(text: str) -> UUID:
    """An id that may be one of ours; the nil UUID, which nothing has, for what cannot be."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def number_of(text: str) -> int:
    """A number of the database, as a page token has it; a ValueError says that it is none."""
    number = int(text)
    if not 0 < number <= MAX_NUMBER:
        raise ValueError(text)
    return number


def _there(task: Task | None, task_id: UUID) -> Task:
    if task is None:
        raise errors.task_not_found(str(task_id))
    return task
