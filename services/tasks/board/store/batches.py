"""SQL of batches: claims and completions of many callers in one project, which number their events themselves.

Whoever else writes has its events numbered by triggers at its commit, where it waits for the board. A batch has the
board from the beginning, and so must wait for no row: what somebody else has locked it leaves out.
"""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tasks.board.store.deleting import NO_LEASE
from services.tasks.board.store.leases import GIVEN, IS_FREE
from services.tasks.board.store.projects import BRIEF, project_of_row
from services.tasks.board.store.tasks import COLUMNS, OPEN, task_of_row
from services.tasks.models import Entered, HeldTask, NewLease, Task


async def enter(connection: Connection, project_id: UUID) -> Entered | None:
    """Keeps what is in a project from being deleted before the transaction ends; None where there is no such project.

    The row may have been read before the lock was had: what was deleted meanwhile has no task that could be written.
    """
    row = await connection.fetchrow(
        f"""
        SELECT {BRIEF},
               EXISTS (
                   SELECT
                   FROM tasks
                   WHERE project_id = $1 AND status = 'pending' AND deleted_at IS NULL AND resources <> '{{}}'
               ) AS in_need,
               EXISTS (
                   SELECT
                   FROM tasks
                   WHERE project_id = $1 AND lease_expires_at <= statement_timestamp()
               ) AS expired,
               pg_advisory_xact_lock_shared(hashtextextended('project ' || $1::uuid::text, 0)) AS locked
        FROM projects
        WHERE id = $1
          AND deleted_at IS NULL
        """,
        project_id,
    )
    if row is None:
        return None
    found = dict(row)
    del found["locked"]
    in_need, expired = found.pop("in_need"), found.pop("expired")
    return Entered(project_of_row(found), in_need=in_need, expired=expired)


async def lock_board(connection: Connection, project_id: UUID) -> None:
    """Nobody else numbers events of the project before the transaction ends. Taken before any lock of a row."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('board ' || $1::uuid::text, 0))", project_id
    )


async def number_events(connection: Connection) -> None:
    """Numbers at once what triggers would number at the commit: it has happened before what follows."""
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def lock_free(connection: Connection, task_ids: Sequence[UUID]) -> list[UUID]:
    """Of these, in their order, those that nobody else has locked, and nobody will before the transaction ends."""
    rows = await connection.fetch("SELECT id FROM tasks WHERE id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED", task_ids)
    locked = {row["id"] for row in rows}
    return [each for each in task_ids if each in locked]


def _numbered(kind: str, written: str, principal: str, payload: str) -> str:
    """The last expressions of a statement, of tasks that it has written: their logs, and the board's events."""
    return f"""
        logged AS (
            INSERT INTO task_log (task_id, sequence, kind, principal, at, payload, numbered)
            SELECT id, log_sequence, '{kind}', {principal}, updated_at, {payload}, true
            FROM {written}
        ), told AS (
            INSERT INTO board_events (project_id, sequence, kind, principal, at, epic_id, task_id, log_sequence)
            SELECT $1,
                   (SELECT coalesce(max(sequence), 0) FROM board_events WHERE project_id = $1)
                       + row_number() OVER (ORDER BY place),
                   'task.{kind}', {principal}, updated_at, epic_id, id, log_sequence
            FROM {written}
        )
    """


async def grant(connection: Connection, project_id: UUID, grants: Sequence[NewLease]) -> list[Task]:
    """Gives leases of those that are pending, that nobody holds and that wait for nothing; as they stand then."""
    leased = "json_build_object('agent_id', lease_agent, 'fencing_token', fencing_token)"
    rows = await connection.fetch(
        f"""
        WITH wanted AS (
            SELECT *
            FROM unnest($2::uuid[], $3::text[], $4::text[], $5::integer[])
                WITH ORDINALITY AS wanted (task_id, holder, agent, seconds, place)
        ), given AS (
            UPDATE tasks
            SET {GIVEN}
            FROM wanted
            WHERE tasks.id = wanted.task_id
              AND tasks.status = 'pending'
              AND {IS_FREE}
            RETURNING {COLUMNS}, place
        ), begun AS (
            INSERT INTO task_attempts (task_id, number, holder, agent_id, fencing_token)
            SELECT id, attempts, lease_holder, lease_agent, fencing_token
            FROM given
        ), {_numbered("leased", "given", "lease_holder", leased)}
        SELECT *
        FROM given
        """,
        project_id,
        [each.task_id for each in grants],
        [each.holder for each in grants],
        [each.lease.agent_id for each in grants],
        [each.lease.seconds for each in grants],
    )
    return [_task(row) for row in rows]


async def complete(connection: Connection, project_id: UUID, held: Sequence[HeldTask]) -> list[Task]:
    """Completes those that need no other word: in work, held by this token, and nothing is demanded of them.

    Whoever waits for tasks is told where there may be one now: some depends on one of these, or needs what one had.
    """
    said = "json_build_object('from', 'in_progress', 'to', 'completed', 'fencing_token', fencing_token::text)"
    rows = await connection.fetch(
        f"""
        WITH held AS (
            SELECT tasks.id, said.holder, said.place
            FROM unnest($2::uuid[], $3::text[], $4::integer[])
                WITH ORDINALITY AS said (task_id, holder, token, place)
            JOIN tasks ON tasks.id = said.task_id
            WHERE tasks.project_id = $1
              AND tasks.deleted_at IS NULL
              AND tasks.status = 'in_progress'
              AND required_evidence = '{{}}'
              AND lease_expires_at > clock_timestamp()
              AND lease_holder = said.holder
              AND fencing_token = said.token
              AND NOT EXISTS (SELECT {OPEN})
            FOR UPDATE OF tasks SKIP LOCKED
        ), written AS (
            UPDATE tasks
            SET status = 'completed',
                completed_at = clock_timestamp(),
                failed_attempts = 0,
                version = tasks.version + 1,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp(),
                {NO_LEASE}
            FROM held
            WHERE tasks.id = held.id
            RETURNING {COLUMNS}, holder, place
        ), ended AS (
            UPDATE task_attempts
            SET ended_at = updated_at,
                outcome = 'completed'
            FROM written
            WHERE task_attempts.task_id = written.id
              AND task_attempts.number = written.attempts
        ), {_numbered("transitioned", "written", "holder", said)}
        SELECT *,
               CASE
                   WHEN resources <> '{{}}' OR EXISTS (SELECT FROM task_dependencies WHERE depends_on = written.id)
                   THEN pg_notify('tasks_ready', $1::text)
               END AS announced
        FROM written
        """,
        project_id,
        [each.task_id for each in held],
        [each.holder for each in held],
        [each.token for each in held],
    )
    return [_task(row) for row in rows]


def _task(row: Record) -> Task:
    columns = dict(row)
    for more in ("place", "holder", "announced"):
        columns.pop(more, None)
    return task_of_row(columns)
