"""The errors of the tasks service: every reason stands in error_reason.proto."""

from collections.abc import Sequence
from dataclasses import replace

from servicekit.errors import ServiceError, aborted, already_exists, failed_precondition, forbidden, not_found
from services.tasks.models import Evidence, Task

CONFLICT = 409
# As many ids as a sentence takes.
MAX_NAMED = 5


def project_not_found(project_id: str) -> ServiceError:
    return not_found("PROJECT_NOT_FOUND", f"There is no project {project_id!r}.", project_id=project_id)


def epic_not_found(epic_id: str) -> ServiceError:
    return not_found("EPIC_NOT_FOUND", f"There is no epic {epic_id!r}.", epic_id=epic_id)


def task_not_found(task_id: str) -> ServiceError:
    return not_found("TASK_NOT_FOUND", f"There is no task {task_id!r}.", task_id=task_id)


def knowledge_not_found(knowledge_id: str) -> ServiceError:
    message = f"There is no item of knowledge {knowledge_id!r}, or not that version of it."
    return not_found("KNOWLEDGE_NOT_FOUND", message, knowledge_id=knowledge_id)


def ra_tag_not_found(tag: str) -> ServiceError:
    message = f"The task has no tag {tag!r}. Write it as it stands in its `ra_tags`, or add it."
    return not_found("RA_TAG_NOT_FOUND", message, ra_tag_id=tag)


def planning_file_not_found(file_type: str, name: str) -> ServiceError:
    message = f"There is no planning file {name!r} of the type {file_type!r} there."
    return not_found("PLANNING_FILE_NOT_FOUND", message, file_type=file_type, name=name)


def planning_file_exists(name: str) -> ServiceError:
    message = f"{name!r} is there already, where it is to be moved to. Nothing was moved: give one another name."
    return already_exists("PLANNING_FILE_EXISTS", message, name=name)


def planning_unreadable(why: str) -> ServiceError:
    return failed_precondition("PLANNING_UNREADABLE", why)


def name_taken(name: str) -> ServiceError:
    return already_exists("NAME_TAKEN", f"Another one beside it is called {name!r}. Choose another name.", name=name)


def transition_not_allowed(task_id: str, from_status: str, to_status: str, allowed: Sequence[str]) -> ServiceError:
    ways = ", ".join(allowed)
    message = f"The task is {from_status} and cannot become {to_status} from there. It can become {ways}."
    metadata = {"task_id": task_id, "from": from_status, "allowed": ",".join(allowed)}
    return failed_precondition("TRANSITION_NOT_ALLOWED", message, **metadata)


def dependencies_open(task_id: str, waiting_for: Sequence[str]) -> ServiceError:
    named = ", ".join(waiting_for[:MAX_NAMED])
    more = f" and {len(waiting_for) - MAX_NAMED} more" if len(waiting_for) > MAX_NAMED else ""
    message = f"The task waits for what is not completed: {named}{more}. Complete that first."
    metadata = {"task_id": task_id, "open": ",".join(waiting_for[:MAX_NAMED])}
    return failed_precondition("DEPENDENCIES_OPEN", message, **metadata)


def dependency_not_found(unknown: str) -> ServiceError:
    message = f"{unknown!r} is no task of the same project, so nothing there can wait for it."
    return failed_precondition("DEPENDENCY_NOT_FOUND", message, dependency=unknown)


def dependency_cycle(task_id: str, through: str) -> ServiceError:
    message = f"The task would wait for itself: {through} waits for it already, directly or by others. Leave it out."
    return failed_precondition("DEPENDENCY_CYCLE", message, task_id=task_id, dependency=through)


def task_leased(task: Task) -> ServiceError:
    message = (
        f"{_holder(task)} is at the task, by the token {task.fencing_token}, until {_until(task)}. "
        "Send the token if it is yours; else take another task, or come back then."
    )
    return replace(failed_precondition("TASK_LEASED", message, **_lease(task)), http_status=CONFLICT)


def locked_by_another(task: Task) -> ServiceError:
    who = f"is locked by another agent, {_holder(task)}, until {_until(task)}" if task.leased else "is not locked"
    return forbidden("LOCKED_BY_ANOTHER", f"The task {who}.", **_lease(task))


def lease_lost(task: Task, token: int) -> ServiceError:
    now = (
        f"{_holder(task)} is at it now, by the token {task.fencing_token}, until {_until(task)}"
        if task.leased
        else f"nobody is at it now; the last token was {task.fencing_token}"
    )
    message = f"The token {token} is not that of a lease of yours: {now}. Nothing was written: stop, or acquire again."
    return failed_precondition("LEASE_LOST", message, **_lease(task))


def events_forgotten(after: int, first: int) -> ServiceError:
    message = (
        f"What followed the event {after} is kept no longer: the first that is, is {first}. Watch without "
        "`after_sequence`: what there is comes first, and then what happens."
    )
    return failed_precondition("EVENTS_FORGOTTEN", message, after_sequence=str(after), first_sequence=str(first))


def resources_held(task_id: str, resource: str, held_by: str) -> ServiceError:
    message = f"{resource!r} overlaps with what the task {held_by} holds. Take another, or come back when it ended."
    return failed_precondition("RESOURCES_HELD", message, task_id=task_id, resource=resource, held_by=held_by)


def evidence_missing(task: Task, missing: Sequence[str]) -> ServiceError:
    message = (
        f"The task demands evidence that was not shown: {', '.join(missing)}. Do that for the task, under its lease, "
        "and complete it with `evidence`."
    )
    return failed_precondition("EVIDENCE_MISSING", message, task_id=task.id, missing=",".join(missing))


def evidence_refused(task: Task, shown: Evidence, why: str) -> ServiceError:
    message = f"The {shown.kind} {shown.id!r} is no evidence: {why}. Nothing was written."
    return failed_precondition("EVIDENCE_REFUSED", message, task_id=task.id, kind=shown.kind, id=shown.id)


def _lease(task: Task) -> dict[str, str]:
    told = {"task_id": task.id, "fencing_token": str(task.fencing_token)}
    if not task.leased:
        return told
    return {**told, "holder": task.lease_holder, "agent_id": task.lease_agent, "expires_at": _until(task)}


def _holder(task: Task) -> str:
    return f"{task.lease_holder} ({task.lease_agent})" if task.lease_agent else task.lease_holder


def _until(task: Task) -> str:
    return task.lease_expires_at.isoformat() if task.lease_expires_at else ""


def etag_mismatch(what: str) -> ServiceError:
    return aborted("ETAG_MISMATCH", f"{what} changed since you read it. Read it again, apply your change, retry.")


def export_too_large() -> ServiceError:
    message = "That is more than an import takes. Name fewer projects, or one epic at a time (`epic_id`)."
    return failed_precondition("EXPORT_TOO_LARGE", message)
