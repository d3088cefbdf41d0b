"""The same idempotency_key with the same body gets the first answer; with another body it is refused.

The record commits in the transaction of the effect, so there is never one without the other.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from google.protobuf.message import Message

from servicekit.errors import ServiceError, already_exists, invalid_field
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from servicekit.request_context import MAX_ID_LENGTH, current_context

Result = TypeVar("Result")
Answer = TypeVar("Answer", bound=Message)

KEPT_HOURS = 24


@dataclass(frozen=True)  # a generic one with slots cannot be subscripted and called in Python 3.11
class Once(Generic[Result, Answer]):
    """A request whose effect is had once: the servicer makes it, and the domain runs its effect through it.

    So the domain opens the transaction and knows no message: `answer` turns what the effect gives into one.
    """

    request: Message
    answer: Callable[[Result], Answer]
    # How large a result is that may be, about, in bytes.
    size: Callable[[Result], int] = lambda _: 0
    # Text fields of the answer that only the first caller is given, and nobody's record holds: a new secret.
    unrecorded: Sequence[str] = ()

    @property
    def key(self) -> str:
        """The client's key; empty: no claim to be idempotent. Raises as `key_of`."""
        return key_of(self.request)

    async def run(self, database: Database, effect: Callable[[Connection], Awaitable[Result]]) -> Answer:
        """Has the effect, in a transaction, unless it was had under this key before; returns the (first) answer.

        A concurrent call with the same key waits until the first one has ended.

        Raises:
            ServiceError: ALREADY_EXISTS/IDEMPOTENCY_KEY_REUSED.
        """
        async with database.transaction() as connection:
            if not self.key:
                return await self.answered(await effect(connection))
            if await self._insert(connection):
                answer = await self.answered(await effect(connection))
                await self._record(connection, answer)
                return answer
            earlier = await self._earlier(connection)
        if earlier is None:
            # It was forgotten in this very moment.
            raise idempotency_key_reused(self.key)
        return earlier

    async def answered(self, result: Result) -> Answer:
        """The answer for what the effect has given."""
        return await beside(self.size(result), self.answer, result)

    def claim(self) -> "Claim | None":
        """What the current call claims, whose answer is recorded when its effect was had; None where it has no key."""
        return Claim(*_caller(), self.key, _digest(self.request)) if self.key else None

    def recorded(self, response: bytes) -> Answer:
        """An answer as it is on record."""
        return cast("type[Answer]", current_context.get().method.response_class).FromString(response)

    async def earlier(self, database: Database) -> Answer | None:
        """What was answered under this key; None where nothing was. For work that need not be done again.

        Raises:
            ServiceError: ALREADY_EXISTS/IDEMPOTENCY_KEY_REUSED.
        """
        if not self.key:
            return None
        async with database.connection() as connection:
            return await self._earlier(connection)

    async def _insert(self, connection: Connection) -> bool:
        inserted = await connection.fetchval(
            """
            INSERT INTO idempotency_keys (principal, method, idempotency_key, body_digest)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
            RETURNING true
            """,
            *_caller(),
            self.key,
            _digest(self.request),
        )
        return bool(inserted)

    async def _record(self, connection: Connection, answer: Answer) -> None:
        recorded = type(answer)()
        recorded.CopyFrom(answer)
        for field in self.unrecorded:
            recorded.ClearField(field)
        await connection.execute(
            """
            UPDATE idempotency_keys
            SET response = $4
            WHERE principal = $1 AND method = $2 AND idempotency_key = $3
            """,
            *_caller(),
            self.key,
            recorded.SerializeToString(),
        )

    async def _earlier(self, connection: Connection) -> Answer | None:
        row = await connection.fetchrow(
            """
            SELECT body_digest, response
            FROM idempotency_keys
            WHERE principal = $1 AND method = $2 AND idempotency_key = $3
            """,
            *_caller(),
            self.key,
        )
        if row is None:
            return None
        if row["body_digest"] != _digest(self.request):
            raise idempotency_key_reused(self.key)
        return self.recorded(row["response"])


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that one of many callers claims whose effects share a transaction, and its answer if it is the first."""

    principal: str
    method: str
    key: str
    body_digest: bytes
    # None: it is recorded later, in the same transaction.
    response: bytes | None = None


def claim_of(request: Message, response: Message) -> Claim | None:
    """What the current call claims; None where it has no key. Raises as `key_of`."""
    key = key_of(request)
    return Claim(*_caller(), key, _digest(request), response.SerializeToString()) if key else None


async def claim_all(connection: Connection, claims: Sequence[Claim]) -> list[bytes | ServiceError | None]:
    """Claims keys in the transaction of their effects.

    Returns:
        For each: None where it is the first; what the first was answered, empty where that is not known yet because it
        is one of these; or IDEMPOTENCY_KEY_REUSED, which is told and not raised, because the others have their effects.
    """
    if not claims:
        return []
    columns = list(zip(*((claim.principal, claim.method, claim.key) for claim in claims), strict=True))
    inserted = await connection.fetch(
        """
        INSERT INTO idempotency_keys (principal, method, idempotency_key, body_digest, response)
        SELECT principal, method, idempotency_key, body_digest, response
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
            WITH ORDINALITY AS claimed (principal, method, idempotency_key, body_digest, response, number)
        -- In one order everywhere, so that no two transactions wait for each other; of equal ones the first.
        ORDER BY principal, method, idempotency_key, number
        ON CONFLICT DO NOTHING
        RETURNING principal, method, idempotency_key
        """,
        *columns,
        [claim.body_digest for claim in claims],
        [claim.response for claim in claims],
    )
    fresh = {tuple(row) for row in inserted}
    if len(fresh) == len(claims):
        return [None] * len(claims)
    rows = await connection.fetch(
        """
        SELECT principal, method, idempotency_key, body_digest, response
        FROM idempotency_keys
        JOIN unnest($1::text[], $2::text[], $3::text[]) AS claimed (principal, method, idempotency_key)
            USING (principal, method, idempotency_key)
        """,
        *columns,
    )
    standing = {(row["principal"], row["method"], row["idempotency_key"]): row for row in rows}
    found: list[bytes | ServiceError | None] = []
    for claim in claims:
        named = (claim.principal, claim.method, claim.key)
        row = standing.get(named)
        if row is None or row["body_digest"] != claim.body_digest:
            found.append(idempotency_key_reused(claim.key))
        elif named in fresh:
            fresh.discard(named)
            found.append(None)
        else:
            found.append(row["response"] or b"")
    return found


async def record_all(connection: Connection, answers: Sequence[tuple[Claim, bytes | None]]) -> None:
    """Records what was answered under keys that this transaction claimed; None: nothing, and the key is free again."""
    columns = list(zip(*((claim.principal, claim.method, claim.key) for claim, _ in answers), strict=True))
    if answers:
        await connection.execute(
            """
            WITH answered AS (
                SELECT *
                FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
                    AS answered (principal, method, idempotency_key, response)
            ), freed AS (
                DELETE FROM idempotency_keys
                USING answered
                WHERE idempotency_keys.principal = answered.principal
                  AND idempotency_keys.method = answered.method
                  AND idempotency_keys.idempotency_key = answered.idempotency_key
                  AND answered.response IS NULL
            )
            UPDATE idempotency_keys
            SET response = answered.response
            FROM answered
            WHERE idempotency_keys.principal = answered.principal
              AND idempotency_keys.method = answered.method
              AND idempotency_keys.idempotency_key = answered.idempotency_key
              AND answered.response IS NOT NULL
            """,
            *columns,
            [response for _, response in answers],
        )


def key_of(request: Any) -> str:
    """The key in the body, else that of the header `Idempotency-Key`; empty where there is none.

    Raises:
        ServiceError: INVALID_REQUEST for a header that is too long; the rules of the proto bound the body's.
    """
    found: str = request.idempotency_key or current_context.get().idempotency_key
    if len(found) > MAX_ID_LENGTH:
        raise invalid_field("Idempotency-Key", f"must be at most {MAX_ID_LENGTH} characters")
    return found


async def forget(connection: Connection) -> None:
    """Deletes the records whose time is over."""
    await connection.execute(
        "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)", KEPT_HOURS
    )


def idempotency_key_reused(idempotency_key: str) -> ServiceError:
    return already_exists(
        "IDEMPOTENCY_KEY_REUSED",
        "This idempotency_key was used with another body. Use a new one for a new request.",
        used_idempotency_key=idempotency_key,
    )


def _caller() -> tuple[str, str]:
    """Whose key it is, and for which RPC: two callers may use the same one, and so may two RPCs."""
    call = current_context.get()
    return call.principal.name, call.method.name


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
