"""SQL of requests."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.scopes import ScopeColumns
from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.large import beside
from servicekit.pagination import fitting_into
from servicekit.postgres import Connection, Record
from services.hitl.models import (
    RESPOND,
    Eligible,
    HumanRequest,
    OnExpiry,
    Quorum,
    RequestSpec,
    Response,
    SomeTools,
    ToolSubject,
)
from services.hitl.models.grants import GrantOffer, GrantTerms

# Who sees a request; as `HumanRequest.audience`.
AUDIENCE = AudienceColumns(
    owners=("r.requester",),
    people=(
        "r.assignees",
        "ARRAY(SELECT json_array_elements_text(r.eligible -> 'assignees'))",
        "ARRAY(SELECT v.responded_by FROM human_responses v WHERE v.human_request_id = r.id AND v.via = 'api')",
    ),
    groups=("r.groups", "ARRAY(SELECT json_array_elements_text(r.eligible -> 'groups'))"),
    open_to=(
        """
        CASE WHEN r.eligible IS NULL THEN r.assignees = '{}' AND r.groups = '{}'
             ELSE json_array_length(r.eligible -> 'assignees') + json_array_length(r.eligible -> 'groups') = 0
        END
        """,
        RESPOND,
    ),
)

TOOL = ScopeColumns("r.tool_name", "r.tool_tags", "r.tool_labels")

# Whether a request's time is up is said by the clock of the database in the moment of reading.
COLUMNS = """
           r.id, r.request_type, r.prompt, r.options, r.context, r.timeout_seconds, r.status, r.created_at,
           r.expires_at, r.correlation_id, r.response_schema, r.proposed_arguments, r.arguments_schema, r.priority,
           r.due_at, r.assignees, r.groups, r.tags, r.callback_url, r.on_expiry, r.quorum, r.four_eyes, r.requester,
           r.body_digest, r.claimed_by, r.claimed_at, r.viewed_by, r.ended_at, r.cancel_reason, r.eligible,
           r.requester_reference, r.requester_permission, r.requester_lost_access, r.task_id, r.fencing_token,
           r.tool_name, r.tool_tags, r.tool_labels, r.grant_offer,
           r.status = 'pending' AND r.expires_at <= clock_timestamp() AS overdue,
           (
               SELECT json_agg(v ORDER BY v.created_at, v.id)
               FROM human_responses v
               WHERE v.human_request_id = r.id
           ) AS votes
"""
SELECT = f"SELECT {COLUMNS} FROM human_requests r"
# About how long a request and its answers are, so that no more of them come here than may.
SIZE = """
    octet_length(r::text) + coalesce(
        (SELECT sum(octet_length(v::text)) FROM human_responses v WHERE v.human_request_id = r.id), 0
    )
"""
# What a page of a list or a stream reads at most, but for its first row.
MAX_PAGE_BYTES = 2 * 1024 * 1024


def shown_to(viewer: Viewer, values: list[Any]) -> str:
    """A condition that holds for requests that the viewer sees; as `HumanRequest.is_shown_to`."""
    audience = AUDIENCE.condition(viewer, values)
    tools = SomeTools.of(viewer)
    if tools is None:
        return audience
    covered = " OR ".join(reach.condition(TOOL, values) for reach in tools.reaches)
    asked = "true"
    if tools.reference:
        values.append(tools.reference)
        asked = f"r.requester_reference = ${len(values)}::text"
    return f"({audience} AND CASE WHEN r.tool_name = '' THEN {asked} ELSE {covered} END)"


async def insert(connection: Connection, wanted: Sequence[tuple[RequestSpec, bytes]]) -> set[str]:
    """Inserts questions with the digests of their bodies; returns the ids that are new."""
    rows = await connection.fetch(
        """
        WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
        INSERT INTO human_requests (
            id, request_type, prompt, options, context, timeout_seconds, created_at, expires_at, correlation_id,
            response_schema, proposed_arguments, arguments_schema, priority, due_at, assignees, groups, tags,
            callback_url, on_expiry, quorum, four_eyes, requester, eligible, requester_reference, requester_permission,
            body_digest, task_id, fencing_token, tool_name, tool_tags, tool_labels,
            grant_offer
        )
        SELECT id, request_type, prompt, options, context, timeout_seconds, now,
               now + make_interval(secs => timeout_seconds), correlation_id, response_schema,
               proposed_arguments, arguments_schema, priority, due_at, assignees, groups, tags, callback_url, on_expiry,
               quorum, four_eyes, requester, eligible, requester_reference, requester_permission,
               decode(body_digest, 'hex'), task_id, fencing_token, tool_name, tool_tags, tool_labels,
               grant_offer
        FROM json_to_recordset($1::json) AS wanted (
            id text, request_type text, prompt text, options text[], context json, timeout_seconds integer,
            correlation_id text, response_schema json, proposed_arguments json, arguments_schema json, priority text,
            due_at timestamptz, assignees text[], groups text[], tags text[], callback_url text, on_expiry json,
            quorum json, four_eyes boolean, requester text, eligible json, requester_reference text,
            requester_permission text, body_digest text, task_id text, fencing_token integer,
            tool_name text, tool_tags text[], tool_labels json, grant_offer json
        ), clock
        ON CONFLICT (id) DO NOTHING
        RETURNING id
        """,
        await beside(sum(spec.size for spec, _ in wanted), _as_rows, wanted),
    )
    return {row["id"] for row in rows}


def _as_rows(wanted: Sequence[tuple[RequestSpec, bytes]]) -> str:
    return orjson.dumps(
        [{**asdict(spec), **_about(spec.tool), "body_digest": digest.hex()} for spec, digest in wanted]
    ).decode()


def _about(tool: ToolSubject | None) -> dict[str, Any]:
    tool = tool or ToolSubject("")
    return {"tool_name": tool.name, "tool_tags": tool.tags, "tool_labels": tool.labels}


async def lock(connection: Connection, ids: Sequence[str]) -> None:
    """Locks requests until the end of the transaction, always in the same order."""
    await connection.execute("SELECT id FROM human_requests WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)


async def get(connection: Connection, human_request_id: str) -> HumanRequest | None:
    return (await get_many(connection, [human_request_id])).get(human_request_id)


async def get_many(connection: Connection, ids: Sequence[str]) -> dict[str, HumanRequest]:
    rows = await connection.fetch(f"{SELECT} WHERE r.id = ANY($1)", ids)
    return {request.id: request for request in await human_requests(rows)}


async def save(connection: Connection, requests: Sequence[HumanRequest]) -> None:
    """Writes what can change of requests that the caller has locked.

    One statement a request, sent together: an UPDATE that joins a list was planned while the table was small, and kept
    reading all of it.
    """
    await connection.executemany(
        """
        UPDATE human_requests
        SET status = $2, expires_at = $3, assignees = $4, groups = $5, on_expiry = $6, claimed_by = $7,
            claimed_at = $8, viewed_by = $9, ended_at = $10, cancel_reason = $11, eligible = $12,
            requester_lost_access = $13
        WHERE id = $1
        """,
        [
            (
                r.id,
                r.status,
                r.expires_at,
                list(r.spec.assignees),
                list(r.spec.groups),
                orjson.dumps(asdict(r.spec.on_expiry)).decode(),
                r.claimed_by,
                r.claimed_at,
                list(r.viewed_by),
                r.ended_at,
                r.cancel_reason,
                None if r.spec.eligible is None else orjson.dumps(asdict(r.spec.eligible)).decode(),
                r.requester_lost_access,
            )
            for r in requests
        ],
    )


async def clock(connection: Connection) -> datetime:
    """The time of the database."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def overdue(connection: Connection, limit: int) -> list[str]:
    """Requests whose time is up and which nobody has ended, answered or escalated yet."""
    rows = await connection.fetch(
        """
        SELECT id
        FROM human_requests
        WHERE status = 'pending' AND expires_at <= clock_timestamp()
        ORDER BY expires_at
        LIMIT $1
        """,
        limit,
    )
    return [row["id"] for row in rows]


async def pending_by_type(connection: Connection) -> Mapping[str, int]:
    rows = await connection.fetch(
        "SELECT request_type, count(*) AS count FROM human_requests WHERE status = 'pending' GROUP BY request_type"
    )
    return {row["request_type"]: row["count"] for row in rows}


async def fitting(connection: Connection, ids: Sequence[str]) -> Sequence[str]:
    """As many of the first of these requests as may be read together."""
    rows = await connection.fetch(f"SELECT r.id, {SIZE} AS size FROM human_requests r WHERE r.id = ANY($1)", ids)
    sizes = {row["id"]: row["size"] for row in rows}
    return ids[: fitting_into(MAX_PAGE_BYTES, [sizes[each] for each in ids])]


async def human_requests(rows: Sequence[Record]) -> list[HumanRequest]:
    """Rows that have the COLUMNS."""
    return await beside(sum(map(_size, rows)), list, map(_human_request, rows))


def _size(row: Record) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str))


def _human_request(row: Record) -> HumanRequest:
    quorum, eligible = _document(row["quorum"]), _document(row["eligible"])
    spec = RequestSpec(
        id=row["id"],
        request_type=row["request_type"],
        prompt=row["prompt"],
        options=row["options"],
        context=orjson.loads(row["context"]),
        timeout_seconds=row["timeout_seconds"],
        correlation_id=row["correlation_id"],
        response_schema=_document(row["response_schema"]),
        proposed_arguments=_document(row["proposed_arguments"]),
        arguments_schema=_document(row["arguments_schema"]),
        priority=row["priority"],
        due_at=row["due_at"],
        assignees=row["assignees"],
        groups=row["groups"],
        tags=row["tags"],
        callback_url=row["callback_url"],
        on_expiry=OnExpiry(**orjson.loads(row["on_expiry"])),
        quorum=Quorum(**quorum) if quorum is not None else None,
        four_eyes=row["four_eyes"],
        requester=row["requester"],
        eligible=Eligible(**eligible) if eligible is not None else None,
        requester_reference=row["requester_reference"],
        requester_permission=row["requester_permission"],
        task_id=row["task_id"],
        fencing_token=row["fencing_token"],
        tool=ToolSubject(row["tool_name"], row["tool_tags"], orjson.loads(row["tool_labels"]))
        if row["tool_name"]
        else None,
        grant_offer=GrantOffer.kept(offer) if (offer := _document(row["grant_offer"])) is not None else None,
    )
    return HumanRequest(
        spec=spec,
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        overdue=row["overdue"],
        body_digest=row["body_digest"],
        claimed_by=row["claimed_by"],
        claimed_at=row["claimed_at"],
        viewed_by=row["viewed_by"],
        ended_at=row["ended_at"],
        cancel_reason=row["cancel_reason"],
        votes=[_vote(vote) for vote in orjson.loads(row["votes"])] if row["votes"] is not None else (),
        requester_lost_access=row["requester_lost_access"],
        size=_size(row),
    )


def _document(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _vote(row: Mapping[str, Any]) -> Response:
    return Response(
        id=UUID(row["id"]),
        human_request_id=row["human_request_id"],
        response=row["response"],
        responded_by=row["responded_by"],
        created_at=datetime.fromisoformat(row["created_at"]),
        response_metadata=row["response_metadata"],
        comment=row["comment"],
        edited_arguments=row["edited_arguments"],
        decides=row["decides"],
        via=row["via"],
        idempotency_key=row["idempotency_key"],
        body_digest=bytes.fromhex(row["body_digest"].removeprefix("\\x")),
        grant=_granted(row["granted"]),
    )


def _granted(said: Mapping[str, Any] | None) -> GrantTerms | None:
    if said is None:
        return None
    return GrantTerms(**{**said, "expires_at": datetime.fromisoformat(said["expires_at"])})
