"""Locks as the original had them: by the name of an agent, without tokens."""

from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from services.tasks import errors
from services.tasks.board.leases import Leases
from services.tasks.board.tasks import Tasks
from services.tasks.models import HeldLease, Task, TransitionRequest


class Locks:
    """Answers SetTaskStatus and UnlockTask, and ReleaseTask where it has no token.

    The token is looked up, for the caller's own agent alone, and what is then written is fenced by it as always.
    """

    def __init__(self, tasks: Tasks, leases: Leases) -> None:
        self._tasks = tasks
        self._leases = leases

    async def set_status(
        self, task_id: str, status: str, agent_id: str, viewer: Viewer, once: Once[Task, Answer]
    ) -> Answer:
        """Brings one to a status, under the lease of an agent or without one.

        Raises:
            ServiceError: LOCKED_BY_ANOTHER, and whatever `Tasks.transition` raises.
        """

        def asked(task: Task) -> TransitionRequest:
            token = _token(task, agent_id, viewer) if task.leased else 0
            return TransitionRequest(status, "", agent_id, token, "")

        return await self._tasks.transition(task_id, asked, viewer, once)

    async def release(
        self, task_id: str, agent_id: str, outcome: str, reason: str, viewer: Viewer, once: Once[Task, Answer]
    ) -> Answer:
        """Gives back the lease of an agent.

        Raises:
            ServiceError: LOCKED_BY_ANOTHER, and whatever `Leases.release` raises.
        """

        def said(task: Task) -> HeldLease:
            return HeldLease(_token(task, agent_id, viewer), agent_id)

        return await self._leases.release(task_id, said, outcome, reason, viewer, once)


def _token(task: Task, agent_id: str, viewer: Viewer) -> int:
    if not (task.leased and task.lease_holder == viewer.name and task.lease_agent == agent_id):
        raise errors.locked_by_another(task)
    return task.fencing_token
