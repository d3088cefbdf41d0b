"""Fair shares: how many calls each caller has in flight here, so that no one of them takes the places of all."""

from collections import Counter

from servicekit.errors import ServiceError, exhausted
from servicekit.identity.limits import CallLimits
from servicekit.identity.principal import Principal
from servicekit.methods import CallKind
from servicekit.settings import ServiceSettings

NAMES = {CallKind.QUICK: "quick", CallKind.LONG: "long", CallKind.WAIT: "waits", CallKind.STREAM: "streams"}
RETRY_SECONDS = 1.0
# Before what counts for all calls of an address. Owners of keys may begin with `@`, and have no space.
OF_ADDRESS = "address "


class Shares:
    """Counts calls in flight by caller and kind. Callers are told apart by name, however many keys they have."""

    def __init__(self, defaults: CallLimits, address_max_calls: int = 0) -> None:
        """Prepares.

        Args:
            defaults: what holds for those whose key and roles say nothing else.
            address_max_calls: quick calls of one address, and long ones, whoever makes them; 0: no limit.
        """
        self._defaults = defaults
        self.counts_addresses = address_max_calls > 0
        self._address_max_calls = address_max_calls
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
            ),
            settings.address_max_calls,
        )

    def require(self, caller: Principal, kind: CallKind) -> None:
        """Refuses where the caller has as many in flight as it may.

        Raises:
            ServiceError: CONCURRENCY_LIMITED.
        """
        most = getattr(caller.limits.over(self._defaults), NAMES[kind])
        if self._held[caller.name, kind] >= most:
            raise _exceeded(NAMES[kind], most)

    def require_of_address(self, who: str, kind: CallKind) -> None:
        """Refuses where callers of one address have as many in flight together as they may.

        Args:
            who: the name by which calls of the address are taken.
            kind: of the call. Waits and streams cost little, and are not counted.

        Raises:
            ServiceError: CONCURRENCY_LIMITED.
        """
        if self._held[who, kind] >= self._address_max_calls:
            raise exhausted(
                "CONCURRENCY_LIMITED",
                f"Your address has {self._address_max_calls} {NAMES[kind]} calls in flight here, as many as one may. "
                "Try again when one has ended.",
                RETRY_SECONDS,
                kind=NAMES[kind],
                limit=str(self._address_max_calls),
                address=who.removeprefix(OF_ADDRESS),
            )

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
