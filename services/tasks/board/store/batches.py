"""SQL of batches: claims and completions of many callers in one project, which number their events themselves.

Whoever else writes has its events numbered by triggers at its commit, where it waits for the board. A batch has the
board from the beginning, and so must wait for no row: what somebody else has locked it leaves out.
"""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.tasks.board.store.projects import BRIEF, project_of_row
from services.tasks.board.store.tasks import READY_COLUMNS as COLUMNS
from services.tasks.board.store.tasks import task_of_row
from services.tasks.models import Entered, HeldTask, LeaseRequest, NewLease, Project, Task

# The rows that a function has written, under the name of their table.
WRITTEN = "CROSS JOIN LATERAL (SELECT (given.task).*) AS tasks"


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


async def grant(connection: Connection, project_id: UUID, grants: Sequence[NewLease]) -> list[Task]:
    """Gives leases of those that are pending, that nobody holds and that wait for nothing; as they stand then."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM grant_leases($1, $2, $3, $4, $5) AS given {WRITTEN}",
        project_id,
        [each.task_id for each in grants],
        [each.holder for each in grants],
        [each.lease.agent_id for each in grants],
        [each.lease.seconds for each in grants],
    )
    return [task_of_row(row) for row in rows]


async def complete(connection: Connection, project_id: UUID, held: Sequence[HeldTask]) -> list[Task]:
    """Completes those that need no other word: in work, held by this token, and nothing is demanded of them."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM complete_held($1, $2, $3, $4) AS given {WRITTEN}",
        project_id,
        [each.task_id for each in held],
        [each.holder for each in held],
        [each.token for each in held],
    )
    return [task_of_row(row) for row in rows]


async def complete_and_grant(
    connection: Connection,
    project: Project,
    held: Sequence[HeldTask],
    tag: str,
    wanted: Sequence[tuple[str, LeaseRequest]],
) -> tuple[dict[int, Task], dict[int, Task]] | None:
    """Both in one round trip, and the locks that they take: what was completed and what was given, by their places.

    Args:
        connection: nothing has been locked by it but idempotency keys.
        project: as it is known; where it is another by now, nothing is done.
        held: what is completed, each task once.
        tag: of the tasks that are given; "" for any.
        wanted: who is given one, and for how long.

    Returns:
        None where nothing was done, because more has to be looked at first.
    """
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}, given.place
        FROM complete_and_grant($1, $2, $3, $4, $5, $6, $7, $8, $9) AS given
        {WRITTEN}
        """,
        UUID(project.id),
        project.version,
        [each.task_id for each in held],
        [each.holder for each in held],
        [each.token for each in held],
        tag,
        [holder for holder, _ in wanted],
        [lease.agent_id for _, lease in wanted],
        [lease.seconds for _, lease in wanted],
    )
    completed: dict[int, Task] = {}
    granted: dict[int, Task] = {}
    for row in rows:
        values = dict(row)
        place = values.pop("place")
        if place == 0:
            return None
        if place > 0:
            completed[place - 1] = task_of_row(values)
        else:
            granted[-place - 1] = task_of_row(values)
    return completed, granted
