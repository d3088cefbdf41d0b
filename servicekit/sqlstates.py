"""What callers are told when Postgres refuses: SQLSTATE → an error of ours; the text of the driver stays here."""

from collections.abc import Callable

from grpc import StatusCode

from servicekit.database_errors import unreachable
from servicekit.errors import ServiceError, deadline_exceeded, invalid_argument, unavailable
from servicekit.postgres import STATEMENT


def _gave_way() -> ServiceError:
    """The transaction was undone, so the same call may be made again at once."""
    return unavailable("Another call was changing the same rows; nothing of this one was kept. Try again.", 0.1)


def _away() -> ServiceError:
    return unavailable("The database does not answer at the moment. Try again shortly.")


def _busy() -> ServiceError:
    return unavailable("The database has no room for this at the moment. Try again shortly.", 5)


def _not_storable() -> ServiceError:
    message = "A text of the request holds a zero character (U+0000), which cannot be stored."
    return invalid_argument("INVALID_REQUEST", message)


# The whole code goes before its class of two characters.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
ERRORS: dict[str, Callable[[], ServiceError]] = {
    "08": _away,  # connection exception
    "22021": _not_storable,  # character not in repertoire
    "22P05": _not_storable,  # untranslatable character
    "25006": _away,  # read-only transaction: a replica that is about to be the primary, or no longer is
    "25P03": _away,  # idle in transaction for too long
    "40001": _gave_way,  # serialization failure
    "40P01": _gave_way,  # deadlock
    "53": _busy,  # insufficient resources: a full disk, no memory, too many connections
    "55006": _away,  # object in use: a database that is being changed
    "55P03": _gave_way,  # lock not available within lock_timeout
    "57014": lambda: deadline_exceeded(STATEMENT),  # query cancelled: by statement_timeout
    "57P": _away,  # operator intervention: shutdown, crash of a neighbour, starting up, dropped, closed
    "58": _busy,  # system error, external to Postgres
}


def service_error(error: BaseException) -> ServiceError | None:
    """What the caller is told; None where it is a fault of ours, as a wrong statement is."""
    if isinstance(error, ServiceError) and error.code is StatusCode.UNAVAILABLE:
        # Group commit has said so already.
        return error
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        for prefix in (sqlstate, sqlstate[:3], sqlstate[:2]):
            if prefix in ERRORS:
                return ERRORS[prefix]()
    # What the driver says itself has no code: connections that broke, or were not to be had.
    return _away() if unreachable(error) else None
