"""How much a smoke test may find, by the variables that the original had for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OFF = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Each as DOCOPS_CI_…, in capitals."""

    allow_429: bool = False
    max_tmp_delta_bytes: int = 5_242_880
    max_tmp_delta_count: int = 50
    max_total_ms_p95: int = 15_000
    max_queue_wait_ms_p95: int = 3_000
    require_no_leaks: bool = True
    require_internal_error_zero: bool = True
    require_non_200_zero: bool = True

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Thresholds":
        """As the environment has them; ValueError where one is no number."""
        given: dict[str, Any] = {}
        for name in cls.__slots__:
            variable = f"DOCOPS_CI_{name.upper()}"
            if value := environment.get(variable, ""):
                is_flag = name.startswith(("allow_", "require_"))
                try:
                    given[name] = value.lower() not in OFF if is_flag else int(value)
                except ValueError:
                    raise ValueError(f"{variable}={value} is no number") from None
        return cls(**given)

    def failures(self, worst: Mapping[str, Any]) -> dict[str, str]:
        """What is past its bound, by the original's names.

        Args:
            worst: the worst of all rounds: leaked_pids, internal_error, tmp_delta_bytes, tmp_delta_count,
                total_ms_p95, queue_wait_ms_p95, http_429, http_non_200 (without the 429 that are allowed).
        """
        bounds: dict[str, int | None] = {
            "leaked_pids": 0 if self.require_no_leaks else None,
            "internal_error": 0 if self.require_internal_error_zero else None,
            "tmp_delta_bytes": self.max_tmp_delta_bytes,
            "tmp_delta_count": self.max_tmp_delta_count,
            "total_ms_p95": self.max_total_ms_p95,
            "queue_wait_ms_p95": self.max_queue_wait_ms_p95,
            "http_429": None if self.allow_429 else 0,
            "http_non_200": 0 if self.require_non_200_zero else None,
        }
        return {
            name: f"{worst[name]} is more than {bound}"
            for name, bound in bounds.items()
            if bound is not None and worst[name] > bound
        }
