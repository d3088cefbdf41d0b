# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with projects, epics and tasks."""

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from qmcp.client.calling.conversion import from_message, to_message, to_object
from qmcp.client.calling.resumption import Resumption
from qmcp.client.calling.retries import Deadline
from qmcp.client.calling.sync import Calls
from qmcp.client.errors import QmcpError
from qmcp.client.tasks.following import BoardFollower
from qmcp.client.tasks.knowledge.sync import Knowledge
from qmcp.client.tasks.models import (
    Attempt,
    BoardEvent,
    DeletedCounts,
    Epic,
    Evidence,
    ExportedProjects,
    ImportedProjects,
    Project,
    Task,
    TaskLogEntry,
)
from qmcp.client.tasks.planning.sync import Planning
from qmcp.tasks.v1 import board_document_pb2, board_pb2, epic_pb2, project_pb2, task_pb2
from qmcp.tasks.v1 import tasks_service_pb2 as api

# Beyond what a claim waits, for the answer to arrive.
ANSWER_SECONDS = 30
# For documents of thousands of tasks.
DOCUMENT_SECONDS = 120


class Tasks(Knowledge, Planning, Calls):
    """The calls of the tasks service."""

    def create_project(
        self,
        name: str,
        *,
        description: str | None = None,
        members: Sequence[str] = (),
        groups: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> Project:
        """Makes a project, or finds your own of that name; members are principals that work on it, groups roles."""
        request = project_pb2.CreateProjectRequest(
            name=name, description=description, members=members, groups=groups, idempotency_key=idempotency_key
        )
        return self._call(request, Project)

    def get_project(self, project_id: str) -> Project:
        """One project, with what is in it counted."""
        return self._call(project_pb2.GetProjectRequest(id=project_id), Project)

    def list_projects(self, *, status: str = "", name: str = "", limit: int | None = 50) -> list[Project]:
        """The newest projects for which all filters hold; `limit` None means all there are."""
        return self._list(project_pb2.ListProjectsRequest(status=status, name=name), Project, limit=limit)

    def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
        members: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        etag: str = "",
    ) -> Project:
        """Changes a project; members and groups that are given replace those that it has."""
        request = project_pb2.UpdateProjectRequest(
            id=project_id,
            name=name,
            description=description,
            status=status,
            members=members,
            members_mode=_mode(members),
            groups=groups,
            groups_mode=_mode(groups),
            etag=etag,
        )
        return self._call(request, Project)

    def delete_project(self, project_id: str) -> DeletedCounts:
        """Deletes a project with all that is in it."""
        return self._call(project_pb2.DeleteProjectRequest(id=project_id), DeletedCounts)

    def import_projects(
        self, yaml: str, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> ImportedProjects:
        """Makes and changes all that a YAML text names, or nothing of it; `dry_run` only says what it would do."""
        request = board_document_pb2.ImportProjectsRequest(yaml=yaml, dry_run=dry_run, idempotency_key=idempotency_key)
        return self._call(request, ImportedProjects, timeout=DOCUMENT_SECONDS)

    def export_projects(self, project_ids: Sequence[str] = (), *, epic_id: str = "") -> ExportedProjects:
        """Projects as the YAML text that `import_projects` takes; none named: all that you see."""
        request = board_document_pb2.ExportProjectsRequest(project_ids=project_ids, epic_id=epic_id)
        return self._call(request, ExportedProjects, timeout=DOCUMENT_SECONDS)

    def create_epic(
        self, project_id: str, name: str, *, description: str | None = None, priority: int | None = None
    ) -> Epic:
        """Makes an epic, or finds the project's own of that name."""
        request = epic_pb2.CreateEpicRequest(
            project_id=project_id, name=name, description=description, priority=priority
        )
        return self._call(request, Epic)

    def get_epic(self, epic_id: str) -> Epic:
        """One epic."""
        return self._call(epic_pb2.GetEpicRequest(id=epic_id), Epic)

    def list_epics(self, project_id: str = "", *, status: str = "", limit: int | None = 50) -> list[Epic]:
        """The newest epics for which all filters hold; `limit` None means all there are."""
        return self._list(epic_pb2.ListEpicsRequest(project_id=project_id, status=status), Epic, limit=limit)

    def delete_epic(self, epic_id: str) -> DeletedCounts:
        """Deletes an epic with its tasks."""
        return self._call(epic_pb2.DeleteEpicRequest(id=epic_id), DeletedCounts)

    def create_task(
        self,
        name: str,
        *,
        epic_id: str = "",
        project: str = "",
        epic: str = "",
        description: str | None = None,
        priority: int | None = None,
        dependencies: Sequence[str] = (),
        tags: Sequence[str] = (),
        ra_mode: str | None = None,
        ra_score: int | None = None,
        ra_tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        resources: Sequence[str] = (),
        required_evidence: Sequence[str] = (),
        backlog: bool = False,
        idempotency_key: str | None = None,
    ) -> Task:
        """Makes a task, or finds the epic's own of that name and changes it so.

        The epic by its id; or by the names of `project` and `epic`, which are made where they are not there yet.
        """
        request = api.CreateTaskRequest(
            name=name,
            epic_id=epic_id,
            project_name=project,
            epic_name=epic,
            description=description,
            priority=priority,
            dependencies=dependencies,
            tags=tags,
            ra_mode=ra_mode,
            ra_score=ra_score,
            ra_tags=ra_tags,
            metadata=to_object(metadata),
            resources=resources,
            required_evidence=required_evidence,
            status="backlog" if backlog else "",
            idempotency_key=idempotency_key,
        )
        return self._call(request, Task)

    def get_task(self, task_id: str) -> Task:
        """One task."""
        return self._call(api.GetTaskRequest(id=task_id), Task)

    def list_tasks(
        self,
        project_id: str = "",
        *,
        epic_id: str = "",
        status: str = "",
        tag: str = "",
        ready: bool = False,
        limit: int | None = 50,
    ) -> list[Task]:
        """The newest tasks for which all filters hold; `limit` None means all there are."""
        request = api.ListTasksRequest(project_id=project_id, epic_id=epic_id, status=status, tag=tag, ready=ready)
        return self._list(request, Task, limit=limit)

    def update_task(
        self,
        task_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        priority: int | None = None,
        dependencies: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        ra_mode: str | None = None,
        ra_score: int | None = None,
        ra_tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        resources: Sequence[str] | None = None,
        required_evidence: Sequence[str] | None = None,
        fencing_token: int = 0,
        etag: str = "",
    ) -> Task:
        """Changes what a task is; lists that are given replace those that it has, metadata is added to."""
        request = api.UpdateTaskRequest(
            id=task_id,
            name=name,
            description=description,
            priority=priority,
            dependencies=dependencies,
            dependencies_mode=_mode(dependencies),
            tags=tags,
            tags_mode=_mode(tags),
            ra_mode=ra_mode,
            ra_score=ra_score,
            ra_tags=ra_tags,
            ra_tags_mode=_mode(ra_tags),
            metadata=to_object(metadata),
            resources=resources,
            resources_mode=_mode(resources),
            required_evidence=required_evidence,
            required_evidence_mode=_mode(required_evidence),
            fencing_token=fencing_token,
            etag=etag,
        )
        return self._call(request, Task)

    def transition_task(
        self,
        task_id: str,
        status: str,
        *,
        fencing_token: int = 0,
        note: str = "",
        agent_id: str = "",
        etag: str = "",
        evidence: Sequence[Evidence] = (),
        idempotency_key: str | None = None,
    ) -> Task:
        """Brings a task to another status, `in_progress` or as the board has it, `IN_PROGRESS`.

        To `completed` with the evidence that the task demands (`required_evidence`).
        """
        request = api.TransitionTaskRequest(
            id=task_id,
            status=status,
            fencing_token=fencing_token,
            note=note,
            agent_id=agent_id,
            etag=etag,
            evidence=[to_message(each, task_pb2.Evidence()) for each in evidence],
            idempotency_key=idempotency_key,
        )
        return self._call(request, Task)

    def delete_task(self, task_id: str, *, fencing_token: int = 0) -> DeletedCounts:
        """Deletes a task; what depended on it waits for it no longer."""
        return self._call(api.DeleteTaskRequest(id=task_id, fencing_token=fencing_token), DeletedCounts)

    def acquire_task(
        self,
        task_id: str,
        *,
        agent_id: str = "",
        lease_seconds: int | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Takes the lease of a task, for 300 seconds unless said otherwise; its token stands in `lease`."""
        request = api.AcquireTaskRequest(
            id=task_id, agent_id=agent_id, lease_seconds=lease_seconds, idempotency_key=idempotency_key
        )
        return self._call(request, Task)

    def renew_task(self, task_id: str, fencing_token: int, *, lease_seconds: int | None = None) -> Task:
        """Says that you are still at it; so does any change under the lease."""
        request = api.RenewTaskRequest(id=task_id, fencing_token=fencing_token, lease_seconds=lease_seconds)
        return self._call(request, Task)

    def release_task(
        self,
        task_id: str,
        fencing_token: int,
        *,
        failed: bool = False,
        reason: str = "",
        idempotency_key: str | None = None,
    ) -> Task:
        """Gives a lease back; `failed` counts, until the task is blocked."""
        request = api.ReleaseTaskRequest(
            id=task_id,
            fencing_token=fencing_token,
            outcome="failed" if failed else "released",
            reason=reason,
            idempotency_key=idempotency_key,
        )
        return self._call(request, Task)

    def claim_tasks(
        self,
        project_id: str,
        *,
        agent_id: str = "",
        count: int = 1,
        wait_seconds: int = 0,
        tag: str = "",
        lease_seconds: int | None = None,
        idempotency_key: str | None = None,
    ) -> list[Task]:
        """Takes leases of the best tasks that are ready, at most so many; none where none is ready in the time."""
        request = api.ClaimTaskRequest(
            project_id=project_id,
            agent_id=agent_id,
            count=count,
            wait_seconds=wait_seconds,
            tag=tag,
            lease_seconds=lease_seconds,
            idempotency_key=idempotency_key,
        )
        answer = self._send(request, timeout=wait_seconds + ANSWER_SECONDS)
        return [from_message(Task, each) for each in answer.tasks]

    def list_attempts(self, task_id: str, *, limit: int | None = 50) -> list[Attempt]:
        """The attempts at a task, newest first; `limit` None means all there are."""
        return self._list(api.ListAttemptsRequest(task_id=task_id), Attempt, limit=limit)

    def log_task(
        self,
        task_id: str,
        kind: str,
        payload: Mapping[str, Any] | None = None,
        *,
        fencing_token: int = 0,
        idempotency_key: str | None = None,
    ) -> TaskLogEntry:
        """Writes into the log of a task."""
        request = api.CreateTaskLogEntryRequest(
            task_id=task_id,
            kind=kind,
            payload=to_object(payload),
            fencing_token=fencing_token,
            idempotency_key=idempotency_key,
        )
        return self._call(request, TaskLogEntry)

    def list_task_log(self, task_id: str, *, limit: int | None = 50) -> list[TaskLogEntry]:
        """What happened to a task and what was said of it, newest first; `limit` None means all there is."""
        return self._list(api.ListTaskLogEntriesRequest(task_id=task_id), TaskLogEntry, limit=limit)

    def watch_board(
        self, project_id: str, *, after_sequence: int | None = None, timeout: float | None = None
    ) -> Generator[BoardEvent]:
        """What is on a board, as events `snapshot`, and then each change once, in order.

        Ends after `timeout` seconds, or when the project is deleted. To go on later without what is there, give the
        last `sequence` seen; 0 means from the beginning. Where a connection is cut before `snapshot_end`, what is
        there is told again.
        """
        wanted = board_pb2.WatchBoardRequest(project_id=project_id, after_sequence=after_sequence)
        follower = BoardFollower(wanted, Resumption(Deadline.within(timeout), self._retries))
        while not follower.over():
            cut: QmcpError | None = None
            try:
                with self._stream(follower.request(), follower.resumption.seconds()) as stream:
                    for message in stream:
                        event = follower.take(message)
                        if event:
                            yield event
            except QmcpError as error:
                cut = error
            if not follower.over():
                time.sleep(follower.cut(cut))


def _mode(given: Sequence[str] | None) -> str:
    """What is given is all that shall be."""
    return "" if given is None else "replace"
