"""SQL of the audit: intents, outcomes, what happens between them."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from servicekit.postgres import Connection, Record
from services.tools.audit.store import approvals, reconciliations
from services.tools.models import Event, Intent, Invocation, Link, Outcome, Progress

# An invocation: the intent, its approval, its end where it has ended, and the state between from the events.
SELECT = """
    SELECT i.id, i.tool_name, i.tool_etag, i.input_params, i.input_salt, i.input_digest, i.principal,
           i.correlation_id, i.idempotency_key, i.begun_as, i.refused, i.replica, i.created_at,
           i.task_id, i.fencing_token, i.grant_id, o.status, o.result, o.error, o.error_reason, o.completed_at,
           o.chain_id, o.sequence, o.previous_digest, o.digest, o.result_salt, o.result_digest,
           (o.status IS NULL AND i.begun_as <> 'running' AND EXISTS (
               SELECT FROM invocation_events e WHERE e.invocation_id = i.id AND e.kind = 'running'
           )) AS started,
           a.human_request_id, d.status AS decision, d.decided_by, d.decided_at, d.comment, d.edited_arguments,
           d.digest AS decision_digest, d.replica AS decision_replica, d.grant_id AS made_grant_id,
           ARRAY(SELECT r.field FROM redactions r WHERE r.invocation_id = i.id ORDER BY r.field) AS redacted_fields
    FROM invocations i
    LEFT JOIN outcomes o ON o.invocation_id = i.id
    LEFT JOIN approvals a ON a.invocation_id = i.id AND i.begun_as = 'awaiting_approval'
    LEFT JOIN decisions d ON d.invocation_id = a.invocation_id
"""


async def append(
    connection: Connection, intents: Sequence[Intent], outcomes: Sequence[Outcome], links: Sequence[Link]
) -> set[UUID]:
    """Inserts intents and outcomes in one statement, which is one round trip and one commit.

    Returns:
        The ids of the intents that are new. Left out: an id that is there, an idempotency_key that is taken.

    Raises:
        UniqueViolation: one of the outcomes is there already. Nothing was inserted then: a link that is left out would
            break the chain.
    """
    rows = await connection.fetch(
        """
        WITH ended AS (
            INSERT INTO outcomes (
                invocation_id, status, result, error, error_reason, completed_at,
                chain_id, sequence, previous_digest, digest, result_salt, result_digest,
                tool_name, principal, created_at
            )
            SELECT id, status, result, error, error_reason, completed_at,
                   $22::uuid, sequence, previous_digest, digest, result_salt, result_digest,
                   tool_name, principal, created_at
            FROM unnest(
                $16::uuid[], $17::text[], $18::json[], $19::text[], $20::text[], $21::timestamptz[],
                $23::integer[], $24::bytea[], $25::bytea[], $26::bytea[], $27::bytea[],
                $28::text[], $29::text[], $30::timestamptz[]
            ) AS ended (
                id, status, result, error, error_reason, completed_at,
                sequence, previous_digest, digest, result_salt, result_digest,
                tool_name, principal, created_at
            )
        )
        INSERT INTO invocations (
            id, tool_name, tool_etag, input_params, input_salt, input_digest, principal, correlation_id,
            idempotency_key, begun_as, refused, replica, created_at, task_id, fencing_token, grant_id
        )
        SELECT id, tool_name, tool_etag, input_params, input_salt, input_digest, principal, correlation_id,
               idempotency_key, begun_as, refused, $12::uuid, created_at, task_id, fencing_token, grant_id
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::json[], $5::bytea[], $6::bytea[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::boolean[], $13::timestamptz[],
            $14::text[], $15::integer[], $31::text[]
        ) AS begun (
            id, tool_name, tool_etag, input_params, input_salt, input_digest, principal, correlation_id,
            idempotency_key, begun_as, refused, created_at, task_id, fencing_token, grant_id
        )
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        [i.id for i in intents],
        [i.tool_name for i in intents],
        [i.tool_etag for i in intents],
        [i.input_params for i in intents],
        [i.input_salt for i in intents],
        [i.input_digest for i in intents],
        [i.principal for i in intents],
        [i.correlation_id for i in intents],
        [i.idempotency_key for i in intents],
        [i.begun_as for i in intents],
        [i.refused for i in intents],
        # They are all of one process, whose chain the outcomes are in.
        intents[0].replica if intents else None,
        [i.created_at for i in intents],
        [i.task_id for i in intents],
        [i.fencing_token for i in intents],
        [e.intent.id for e in outcomes],
        [e.status for e in outcomes],
        [e.result for e in outcomes],
        [e.error for e in outcomes],
        [e.error_reason for e in outcomes],
        [e.completed_at for e in outcomes],
        links[0].chain_id if links else None,
        [link.sequence for link in links],
        [link.previous_digest for link in links],
        [link.digest for link in links],
        [link.result_salt for link in links],
        [link.result_digest for link in links],
        [e.intent.tool_name for e in outcomes],
        [e.intent.principal for e in outcomes],
        [e.intent.created_at for e in outcomes],
        [i.grant_id for i in intents],
    )
    return {row["id"] for row in rows}


async def existing_ids(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    rows = await connection.fetch("SELECT id FROM invocations WHERE id = ANY($1)", ids)
    return {row["id"] for row in rows}


async def id_of_idempotency_key(connection: Connection, principal: str, idempotency_key: str) -> UUID | None:
    """The invocation that holds an idempotency_key."""
    found: UUID | None = await connection.fetchval(
        """
        SELECT invocation_id
        FROM invocation_keys
        WHERE principal = $1 AND idempotency_key = $2
        """,
        principal,
        idempotency_key,
    )
    return found


async def forget_idempotency_keys(connection: Connection, before: UUID) -> None:
    """Lets go of the keys of invocations that were recorded before this id and have ended."""
    await connection.execute(
        """
        DELETE FROM invocation_keys k
        WHERE k.invocation_id < $1
          AND NOT EXISTS (SELECT FROM open_invocations i WHERE i.id = k.invocation_id)
        """,
        before,
    )


async def get(connection: Connection, invocation_id: UUID) -> Invocation | None:
    row = await connection.fetchrow(f"{SELECT} WHERE i.id = $1", invocation_id)
    if row is None:
        return None
    found = invocation(row)
    if found.status == "failed":
        found = dataclasses.replace(found, reconciliation=await reconciliations.of(connection, invocation_id))
    return found


async def get_many(connection: Connection, ids: Sequence[UUID]) -> list[Invocation]:
    return [invocation(row) for row in await connection.fetch(f"{SELECT} WHERE i.id = ANY($1)", ids)]


async def insert_event(connection: Connection, invocation_id: UUID, event: Event) -> None:
    """Writes an event and tells the watchers, in one statement."""
    happened = event.happened
    kind, payload = "running", "[]"
    if isinstance(happened, Progress):
        kind, payload = "progress", orjson.dumps([happened.progress, happened.total, happened.message]).decode()
    await connection.execute(
        """
        WITH written AS (
            INSERT INTO invocation_events (invocation_id, sequence, kind, payload, at)
            VALUES ($1, $2, $3, $4, $5)
            RETURNING invocation_id
        )
        SELECT pg_notify('invocations', invocation_id::text)
        FROM written
        """,
        invocation_id,
        event.sequence,
        kind,
        payload,
        event.at,
    )


async def events_after(
    connection: Connection, invocation_id: UUID, sequence: int
) -> list[tuple[int, datetime, Progress | None]]:
    """Events after a sequence number; None stands for the start of an invocation that had to wait."""
    rows = await connection.fetch(
        """
        SELECT sequence, kind, payload, at
        FROM invocation_events
        WHERE invocation_id = $1 AND sequence > $2
        ORDER BY sequence
        """,
        invocation_id,
        sequence,
    )
    return [
        (row["sequence"], row["at"], Progress(*orjson.loads(row["payload"])) if row["kind"] == "progress" else None)
        for row in rows
    ]


async def last_event(connection: Connection, invocation_id: UUID) -> int:
    """The highest sequence number of an invocation's events; 1, the intent itself, where there is none."""
    found = await connection.fetchval(
        "SELECT max(sequence) FROM invocation_events WHERE invocation_id = $1", invocation_id
    )
    return found or 1


async def notify(connection: Connection, ids: Sequence[UUID]) -> None:
    """Tells the watchers of these invocations to look again. A payload has a bound of 8,000 bytes."""
    for begin in range(0, len(ids), 200):
        await connection.execute("SELECT pg_notify('invocations', $1)", " ".join(map(str, ids[begin : begin + 200])))


async def redact(connection: Connection, invocation_id: UUID, field: str) -> None:
    """Erases a document and its salt; the digest stays."""
    if field == "input_params":
        await approvals.redact(connection, invocation_id)
        statement = "UPDATE invocations SET input_params = NULL, input_salt = NULL WHERE id = $1"
    else:
        statement = "UPDATE outcomes SET result = NULL, error = NULL, result_salt = NULL WHERE invocation_id = $1"
    await connection.execute(statement, invocation_id)


async def insert_redaction(
    connection: Connection, invocation_id: UUID, field: str, principal: str, reason: str
) -> None:
    await connection.execute(
        """
        INSERT INTO redactions (invocation_id, field, principal, reason)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        invocation_id,
        field,
        principal,
        reason,
    )


def invocation(row: Record) -> Invocation:
    """A row of SELECT."""
    intent = Intent(
        id=row["id"],
        tool_name=row["tool_name"],
        tool_etag=row["tool_etag"],
        input_params=row["input_params"],
        input_salt=row["input_salt"],
        input_digest=row["input_digest"],
        principal=row["principal"],
        correlation_id=row["correlation_id"],
        idempotency_key=row["idempotency_key"],
        begun_as=row["begun_as"],
        refused=row["refused"],
        replica=row["replica"],
        created_at=row["created_at"],
        task_id=row["task_id"],
        fencing_token=row["fencing_token"],
        grant_id=row["grant_id"],
    )
    redacted = tuple(row["redacted_fields"])
    approval = approvals.approval(row) if row["human_request_id"] is not None else None
    if row["status"] is None:
        # What was approved and has not begun waits for a free slot.
        begun = "pending" if row["decision"] == "approved" else intent.begun_as
        return Invocation(intent, "running" if row["started"] else begun, redacted_fields=redacted, approval=approval)
    outcome = Outcome(
        intent=intent,
        status=row["status"],
        result=row["result"],
        error=row["error"] or "",
        error_reason=row["error_reason"],
        completed_at=row["completed_at"],
        approval=approval,
    )
    return Invocation(intent, outcome.status, outcome, link(row), redacted, approval)


def link(row: Record) -> Link:
    """The receipt's part of a row."""
    return Link(
        chain_id=row["chain_id"],
        sequence=row["sequence"],
        previous_digest=row["previous_digest"],
        digest=row["digest"],
        result_salt=row["result_salt"],
        result_digest=row["result_digest"],
    )
