"""The errors of the metrics service: every reason stands in error_reason.proto."""

from collections.abc import Mapping
from dataclasses import replace

from servicekit.errors import ServiceError, exhausted

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
