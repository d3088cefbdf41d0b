"""The errors of the metrics service: every reason stands in error_reason.proto."""

from collections.abc import Mapping
from dataclasses import replace

from servicekit.errors import ServiceError, aborted, exhausted, not_found

RETRY_SECONDS = 1.0


def rate_limited(rate: int, wait_seconds: float, headers: Mapping[str, str]) -> ServiceError:
    message = f"You may make {rate} calls a minute, over all replicas, and have made them. Send more events in each."
    return replace(exhausted("RATE_LIMITED", message, wait_seconds, limit=str(rate)), headers=headers)


def buffer_full() -> ServiceError:
    return exhausted(
        "OVERLOADED",
        "As much waits to be written as may. Try again shortly, with the same idempotency_key.",
        RETRY_SECONDS,
    )


def monitor_not_found(monitor_id: str) -> ServiceError:
    return not_found("MONITOR_NOT_FOUND", f"There is no monitor {monitor_id!r}.", monitor_id=monitor_id)


def too_many_monitors(most: int) -> ServiceError:
    return exhausted("TOO_MANY_MONITORS", f"There are {most} monitors, as many as there may be. Delete one.", 60)


def etag_mismatch(what: str) -> ServiceError:
    return aborted("ETAG_MISMATCH", f"{what} changed since you read it. Read it again, apply your change, retry.")
