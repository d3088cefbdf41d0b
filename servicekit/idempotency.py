"""The same idempotency_key with the same body gets the first answer; with another body it is refused.

The record commits in the transaction of the effect, so there is never one without the other.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from servicekit.errors import Violation, already_exists, invalid_argument
from servicekit.postgres import Connection
from servicekit.request_context import MAX_ID_LENGTH, current_context

Response = TypeVar("Response", bound=Message)

KEPT_HOURS = 24


def key_of(request: Any, field: str = "idempotency_key") -> str:
    """The id in the body's field, else that of the header `Idempotency-Key`; empty where there is none.

    Raises:
        ServiceError: INVALID_REQUEST for a header that is too long; the rules of the proto bound the body's.
    """
    found: str = getattr(request, field) or current_context.get().idempotency_key
    if len(found) > MAX_ID_LENGTH:
        message = f"must be at most {MAX_ID_LENGTH} characters"
        raise invalid_argument(
            "INVALID_REQUEST", f"Idempotency-Key {message}.", [Violation("Idempotency-Key", message)]
        )
    return found


async def once(
    connection: Connection,
    principal: str,
    method: str,
    idempotency_key: str,
    request: Message,
    response_class: type[Response],
    effect: Callable[[], Awaitable[Response]],
) -> Response:
    """Has the effect unless it was had under this idempotency_key before; returns the (first) answer.

    Args:
        connection: in a transaction. A concurrent call with the same id waits here until it ends.
        principal: whose ids these are; two callers may use the same id.
        method: the RPC's name.
        idempotency_key: the client's; empty means: no claim to be idempotent.
        request: the body.
        response_class: of the answer.
        effect: what to do within the transaction.

    Raises:
        ServiceError: ALREADY_EXISTS/IDEMPOTENCY_KEY_REUSED.
    """
    if not idempotency_key:
        return await effect()
    inserted = await connection.fetchval(
        """
        INSERT INTO idempotency_keys (principal, method, idempotency_key, body_digest)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        RETURNING true
        """,
        principal,
        method,
        idempotency_key,
        _digest(request),
    )
    if inserted:
        response = await effect()
        await connection.execute(
            """
            UPDATE idempotency_keys
            SET response = $4
            WHERE principal = $1 AND method = $2 AND idempotency_key = $3
            """,
            principal,
            method,
            idempotency_key,
            response.SerializeToString(),
        )
        return response
    earlier = await answered(connection, principal, method, idempotency_key, request, response_class)
    if earlier is None:
        # It was forgotten in this very moment.
        raise idempotency_key_reused(idempotency_key)
    return earlier


async def answered(
    connection: Connection,
    principal: str,
    method: str,
    idempotency_key: str,
    request: Message,
    response_class: type[Response],
) -> Response | None:
    """What was answered under this idempotency_key; None where nothing was. For work that need not be done again.

    Raises:
        ServiceError: ALREADY_EXISTS/IDEMPOTENCY_KEY_REUSED.
    """
    row = await connection.fetchrow(
        """
        SELECT body_digest, response
        FROM idempotency_keys
        WHERE principal = $1 AND method = $2 AND idempotency_key = $3
        """,
        principal,
        method,
        idempotency_key,
    )
    if row is None:
        return None
    if row["body_digest"] != _digest(request):
        raise idempotency_key_reused(idempotency_key)
    return response_class.FromString(row["response"])


async def forget(connection: Connection) -> None:
    """Deletes the records whose time is over."""
    await connection.execute(
        "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)", KEPT_HOURS
    )


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def idempotency_key_reused(idempotency_key: str) -> Exception:
    return already_exists(
        "IDEMPOTENCY_KEY_REUSED",
        "This idempotency_key was used with another body. Use a new one for a new request.",
        used_idempotency_key=idempotency_key,
    )
