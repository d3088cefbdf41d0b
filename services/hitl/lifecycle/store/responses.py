"""SQL of answers."""

from collections.abc import Sequence
from typing import Any

import orjson

from servicekit.large import beside
from servicekit.postgres import Connection
from services.hitl.models import Response


async def insert(connection: Connection, responses: Sequence[Response]) -> None:
    """Records answers to requests that the caller has locked.

    Raises:
        UniqueViolation: somebody answers twice, or two answers decide; the lock keeps both from happening.
    """
    await connection.executemany(
        """
        INSERT INTO human_responses (
            id, human_request_id, response, responded_by, created_at, response_metadata, comment, edited_arguments,
            decides, via, idempotency_key, body_digest, granted
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        await beside(sum(response.size for response in responses), _as_rows, responses),
    )


def _as_rows(responses: Sequence[Response]) -> list[tuple[Any, ...]]:
    return [
        (
            response.id,
            response.human_request_id,
            orjson.dumps(response.response).decode(),
            response.responded_by,
            response.created_at,
            orjson.dumps(response.response_metadata).decode(),
            response.comment,
            None if response.edited_arguments is None else orjson.dumps(response.edited_arguments).decode(),
            response.decides,
            response.via,
            response.idempotency_key,
            response.body_digest,
            None if response.grant is None else orjson.dumps(response.grant).decode(),
        )
        for response in responses
    ]
