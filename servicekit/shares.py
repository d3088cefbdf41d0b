"""Fair shares: how many calls each caller has in flight here, so that no one of them takes the places of all."""

from collections import Counter

from servicekit.errors import ServiceError, exhausted
from servicekit.identity.limits import CallLimits
from servicekit.identity.principal import Principal
from servicekit.methods import CallKind
from servicekit.settings import ServiceSettings

NAMES = {CallKind.QUICK: "quick", CallKind.LONG: "long", CallKind.WAIT: "waits", CallKind.STREAM: "streams"}
RETRY_SECONDS = 1.0


class Shares:
    """Counts calls in flight by caller and kind. Callers are told apart by name, however many keys they have."""

    def __init__(self, defaults: CallLimits) -> None:
        """Prepares.

        Args:
            defaults: what holds for those whose key and roles say nothing else.
        """
        self._defaults = defaults
        self._held: Counter[tuple[str, CallKind]] = Counter()

    @classmethod
    def under(cls, settings: ServiceSettings) -> "Shares":
        """With what these settings say of everybody."""
        return cls(
            CallLimits(
                settings.principal_max_quick_calls,
                settings.principal_max_long_calls,
                settings.principal_max_waits,
                settings.principal_max_streams,
            )
        )

    def require(self, caller: Principal, kind: CallKind) -> None:
        """Refuses where the caller has as many in flight as it may.

        Raises:
            ServiceError: CONCURRENCY_LIMITED.
        """
        most = getattr(caller.limits.over(self._defaults), NAMES[kind])
        if self._held[caller.name, kind] >= most:
            raise _exceeded(NAMES[kind], most)

    def take(self, name: str, kind: CallKind) -> None:
        """Counts something that goes on in a caller's name, until it is given back."""
        self._held[name, kind] += 1

    def give_back(self, name: str, kind: CallKind) -> None:
        """It goes on no more."""
        self._held[name, kind] -= 1
        if not self._held[name, kind]:
            # Forgotten, so that callers who come once leave nothing behind.
            del self._held[name, kind]


def _exceeded(kind: str, most: int) -> ServiceError:
    what = kind if kind in {"waits", "streams"} else f"{kind} calls"
    return exhausted(
        "CONCURRENCY_LIMITED",
        f"You have {most} {what} in flight here, as many as one caller may. Try again when one has ended, or ask an "
        "administrator for a larger share.",
        RETRY_SECONDS,
        kind=kind,
        limit=str(most),
    )
