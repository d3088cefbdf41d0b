"""The errors of the documents service: every reason stands in error_reason.proto.

What the original had in its `detail` is in the metadata under that name, as JSON: its routes show it as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from servicekit.errors import (
    ServiceError,
    deadline_exceeded,
    exhausted,
    failed_precondition,
    invalid_argument,
    not_found,
    unauthenticated,
)

# Of a template's text, characters.
MAX_SNIPPET = 200
# What fits into the trailers in which an error travels.
MAX_PATH, MAX_PROBLEMS = 80, 6
UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMED_OUT = 415, 413, 408


def invalid_field(field: str, fault: str, **detail: Any) -> ServiceError:
    """A field of the form whose value cannot be taken: `must be quick, template or strict`."""
    return invalid_argument("INVALID_ARGUMENT", f"{field} {fault}.", detail=_told(field=field, **detail))


def conflict(fields: Sequence[str]) -> ServiceError:
    message = f"{', '.join(fields)} contradict each other: one stands for the others. Leave some of them out."
    return invalid_argument("INVALID_ARGUMENT_CONFLICT", message, detail=_told(conflicting_fields=list(fields)))


def invalid_payload(problems: Sequence[tuple[str, str]]) -> ServiceError:
    """Values that the skill does not take."""
    told = [{"path": path[:MAX_PATH], "fault": fault[:MAX_SNIPPET]} for path, fault in problems[:MAX_PROBLEMS]]
    first = told[0]
    message = f"{first['path']}: {first['fault']}."
    return invalid_argument("INVALID_ARGUMENT", message, detail=_told(field="task.payload", problems=told))


def invalid_json(field: str, fault: str, **detail: Any) -> ServiceError:
    return invalid_argument("INVALID_JSON", f"{field} is not JSON: {fault}.", detail=_told(field=field, **detail))


def invalid_media_type(field: str, fault: str) -> ServiceError:
    error = invalid_argument("INVALID_MEDIA_TYPE", f"{field} {fault}.", detail=_told(field=field))
    return replace(error, http_status=UNSUPPORTED_MEDIA_TYPE)


def template_refused(field: str, code: str, message: str, where: Mapping[str, str]) -> ServiceError:
    """A template that came as this field: why, and the part, paragraph and text there as far as they are known."""
    known = {name: text[:MAX_SNIPPET] for name, text in where.items() if text}
    return invalid_argument("TEMPLATE_REFUSED", message, detail=_told(field=field, template_error=code, **known))


def upload_too_large(max_upload_bytes: int) -> ServiceError:
    message = f"More than {max_upload_bytes} bytes were sent. Send less."
    error = exhausted("UPLOAD_TOO_LARGE", message, 0, detail=_told(max_upload_bytes=max_upload_bytes))
    # Sent again, it is as large.
    return replace(error, http_status=TOO_LARGE, retry_after=None)


def too_many_requests(max_concurrency: int, queue_timeout_seconds: float) -> ServiceError:
    message = f"{max_concurrency} runs go on, which is as many as may. Retry shortly."
    told = _told(max_concurrency=max_concurrency, queue_timeout_seconds=queue_timeout_seconds)
    return exhausted("TOO_MANY_REQUESTS", message, 1, detail=told)


def too_many_started(max_open: int) -> ServiceError:
    message = f"{max_open} runs that you started have not ended, which is as many as may. Retry when some have."
    return exhausted("TOO_MANY_REQUESTS", message, 5, detail=_told(max_open_runs=max_open))


def too_many_batches(max_open: int) -> ServiceError:
    message = f"{max_open} batches that you started have not ended, which is as many as may. Retry when one has."
    return exhausted("TOO_MANY_REQUESTS", message, 5, detail=_told(max_open_batches=max_open))


def too_many_uploads(max_held_bytes: int) -> ServiceError:
    message = "As many bytes of uploads are on their way here as may be. Retry shortly."
    return exhausted("TOO_MANY_REQUESTS", message, 1, detail=_told(max_held_bytes=max_held_bytes))


def request_timeout(timeout_seconds: float) -> ServiceError:
    message = f"The run took longer than {timeout_seconds:g} s, and was ended."
    told = {"detail": _told(timeout_seconds=timeout_seconds, terminated=True)}
    return replace(deadline_exceeded(), reason="REQUEST_TIMEOUT", message=message, metadata=told, http_status=TIMED_OUT)


def switched_off() -> ServiceError:
    return not_found("NOT_FOUND", "Nothing here answers this path.")


def unauthorized() -> ServiceError:
    return replace(
        unauthenticated("This wants a user and a password."),
        reason="UNAUTHORIZED",
        headers={"www-authenticate": 'Basic realm="docops"'},
    )


def run_not_found(run_id: str) -> ServiceError:
    return not_found("RUN_NOT_FOUND", f"There is no run {run_id!r}.", run_id=run_id)


def run_not_released(run_id: str, human_request_id: str) -> ServiceError:
    message = f"The run {run_id!r} is held back until people have approved that it is given out."
    return failed_precondition("RUN_NOT_RELEASED", message, run_id=run_id, human_request_id=human_request_id)


def batch_not_found(batch_id: str) -> ServiceError:
    return not_found("BATCH_NOT_FOUND", f"There is no batch {batch_id!r}.", batch_id=batch_id)


def batch_not_ended(batch_id: str) -> ServiceError:
    message = f"Runs of the batch {batch_id!r} go on. Wait until it has ended."
    return failed_precondition("BATCH_NOT_ENDED", message, batch_id=batch_id)


def archive_not_found(run_id: str) -> ServiceError:
    message = f"The run {run_id!r} has no archive: it failed, or its time of keeping is over."
    return not_found("ARCHIVE_NOT_FOUND", message, run_id=run_id)


def template_not_found(reference: str) -> ServiceError:
    return not_found("TEMPLATE_NOT_FOUND", f"There is no stored template {reference!r}.", template=reference)


def template_ambiguous(reference: str) -> ServiceError:
    message = f"Several share templates with you that are called {reference!r}. Give the id of one."
    return failed_precondition("TEMPLATE_AMBIGUOUS", message, template=reference)


def templates_limited(max_templates: int, max_bytes: int) -> ServiceError:
    message = f"You have as many templates as one may: {max_templates}, of {max_bytes} bytes together. Delete some."
    error = exhausted("TEMPLATES_LIMITED", message, 0, max_templates=str(max_templates), max_bytes=str(max_bytes))
    # Sent again, there is no more room.
    return replace(error, retry_after=None)


def _told(**detail: Any) -> str:
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
