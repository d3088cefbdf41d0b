"""The original's log of runs: one line of JSON for each that starts, is done or fails; never what is in a document."""

from dataclasses import asdict
from typing import Any

import structlog

from servicekit.errors import ServiceError
from services.documents.forms.options import Options
from services.documents.models import Timing, outcome_of
from services.documents.runs.archive import effective

logger = structlog.get_logger("docops.api")

OUTCOMES = {
    "UPLOAD_TOO_LARGE": "payload_too_large",
    "TOO_MANY_REQUESTS": "rate_limited",
    "REQUEST_TIMEOUT": "timeout",
    "INTERNAL": "internal_error",
}
STATUSES = {"TOO_MANY_REQUESTS": 429, "INTERNAL": 500}
BAD_REQUEST = 400


class Journal:
    """What is told of one run."""

    def __init__(self, max_upload_bytes: int, timeout_seconds: float) -> None:
        self._told: dict[str, Any] = {"max_upload_bytes": max_upload_bytes, "timeout_seconds": timeout_seconds}
        # How far it came.
        self.stage = "init"

    def knows(self, options: Options, task_type: str) -> None:
        """What was asked for."""
        self._told |= {
            "skill": options.skill,
            "task_type": task_type,
            "preset_input": options.preset or None,
            "effective": effective(options),
            "policy_yaml_provided": bool(options.policy_yaml),
        }

    def started(self) -> None:
        logger.info("start", **self._told)

    def done(self, exit_code: int, timing: Timing, pid: int, *, traced: bool) -> None:
        """There is an archive."""
        logger.info(
            "done",
            **self._told,
            exit_code=exit_code,
            outcome=outcome_of(exit_code),
            http_status=200,
            queue_wait_ms=timing.queue_wait_ms,
            timing=asdict(timing),
            subprocess_pid=pid,
            debug_trace_enabled=traced,
        )

    def failed(self, error: ServiceError) -> str:
        """There is none; gives the outcome."""
        outcome = OUTCOMES.get(error.reason, "bad_request")
        status = error.http_status or STATUSES.get(error.reason, BAD_REQUEST)
        logger.info(
            "error",
            **self._told,
            outcome=outcome,
            http_status=status,
            status_code=status,
            error_code="INTERNAL_ERROR" if error.reason == "INTERNAL" else error.reason,
            failure_stage=self.stage,
        )
        return outcome
