"""What shows that a task is done: judged by what the services that did it have told."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from services.tasks import errors
from services.tasks.models import Evidence, Read, Task, Work

# The work that each kind is shown by, and how that must have ended.
SHOWN_BY = {
    "invocation": ("invocation", "success"),
    "approval": ("human_request", "approved"),
    "document_run": ("document_run", "ok"),
}
# What the digest of each is, and where it is to be had; there is none of an approval.
DIGESTS = {
    "invocation": "the digest of its receipt is another: GET /v1/receipts/{} has it",
    "document_run": "its `document_sha256` is another: GET /v1/documents/runs/{} has it",
}


def require_shown(task: Task, shown: Sequence[Evidence], works: Collection[Work], read: Mapping[str, Read]) -> None:
    """Refuses what is not so, and a completion without all that the task demands.

    Args:
        task: about to be completed.
        shown: what whoever completes it shows.
        works: what was done under the last lease of the task.
        read: what stands behind the URLs among what is shown.

    Raises:
        ServiceError: EVIDENCE_REFUSED, EVIDENCE_MISSING.
    """
    done = {(work.kind, work.work_id): work for work in works}
    demands: set[str] = set()
    for each in shown:
        subject = _checked(task, each, done, read)
        demands |= {each.kind, f"{each.kind}:{subject}"}
    if missing := [each for each in task.required_evidence if each not in demands]:
        raise errors.evidence_missing(task, missing)


def urls_of(task: Task, shown: Sequence[Evidence]) -> list[str]:
    """The URLs that are to be read; those that are none are refused at once.

    Raises:
        ServiceError: EVIDENCE_REFUSED.
    """
    found = [each for each in shown if each.kind == "url"]
    for each in found:
        _require_url(task, each)
    return [each.id for each in found]


def _require_url(task: Task, shown: Evidence) -> None:
    try:
        url = urlsplit(shown.id)
    except ValueError:
        raise errors.evidence_refused(task, shown, "that is no URL") from None
    if url.scheme not in ("http", "https") or not url.hostname:
        raise errors.evidence_refused(task, shown, "that is no URL of http or https")
    if not shown.digest:
        raise errors.evidence_refused(task, shown, "`digest` must be the SHA-256 of what stands there")


def _checked(task: Task, shown: Evidence, done: Mapping[tuple[str, str], Work], read: Mapping[str, Read]) -> str:
    """What was done, in a word; empty where there is none for it."""
    if shown.kind == "url":
        _require_url(task, shown)
        found = read.get(shown.id, Read(error="it was not read; try again"))
        if found.error:
            raise errors.evidence_refused(task, shown, found.error)
        if found.digest != shown.digest:
            raise errors.evidence_refused(task, shown, f"the SHA-256 of what stands there is {found.digest}")
        return ""
    kind, outcome = SHOWN_BY[shown.kind]
    work = done.get((kind, shown.id))
    if work is None:
        raise errors.evidence_refused(task, shown, f"it was not done for this task by the token {task.fencing_token}")
    if not work.outcome:
        raise errors.evidence_refused(task, shown, "it has not ended; complete the task when it has")
    if work.outcome != outcome:
        raise errors.evidence_refused(task, shown, f"it ended as {work.outcome}, and {outcome} is evidence")
    if work.digest != shown.digest:
        why = DIGESTS[shown.kind].format(shown.id) if work.digest else "`digest` must be empty"
        raise errors.evidence_refused(task, shown, why)
    return work.subject
