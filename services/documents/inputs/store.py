"""SQL of what runs that were started wait with: a task each, and a template that many of them may share."""

import json
from collections.abc import Sequence
from uuid import UUID

from servicekit.identity.detached_work import Sponsor
from servicekit.postgres import Connection
from services.documents.models import RunInput


async def keep_template(connection: Connection, sha256: str, content: bytes) -> None:
    """Keeps a template, once however many runs wait with it; nobody lets go of it before this transaction has ended."""
    await connection.execute(
        """
        INSERT INTO run_templates (sha256, content)
        VALUES ($1, $2)
        -- Locks the row that is there.
        ON CONFLICT (sha256) DO UPDATE SET sha256 = EXCLUDED.sha256
        """,
        sha256,
        content,
    )


async def keep_task(connection: Connection, run_id: UUID, given: RunInput, template_sha256: str) -> None:
    """Keeps the task of a run whose template is kept."""
    await connection.execute(
        """
        INSERT INTO run_tasks (run_id, template_sha256, task, fields, sponsor, sponsor_until)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        run_id,
        template_sha256,
        given.task,
        json.dumps(dict(given.fields)),
        given.sponsor.reference,
        given.sponsor.until,
    )


async def of_run(connection: Connection, run_id: UUID) -> RunInput | None:
    """What a run waits with."""
    row = await connection.fetchrow(
        """
        SELECT content AS template, task, fields, sponsor, sponsor_until
        FROM run_tasks
        JOIN run_templates ON run_templates.sha256 = run_tasks.template_sha256
        WHERE run_id = $1
        UNION ALL
        SELECT template, task, fields, sponsor, sponsor_until
        FROM run_inputs
        WHERE run_id = $1
        """,
        run_id,
    )
    if row is None:
        return None
    sponsor = Sponsor(row["sponsor"], row["sponsor_until"])
    return RunInput(row["template"], row["task"], json.loads(row["fields"]), sponsor)


async def let_go(connection: Connection, run_ids: Sequence[UUID]) -> None:
    """Deletes what runs waited with that do so no more, and templates with which nobody else waits."""
    rows = await connection.fetch("DELETE FROM run_tasks WHERE run_id = ANY($1) RETURNING template_sha256", run_ids)
    await connection.execute("DELETE FROM run_inputs WHERE run_id = ANY($1)", run_ids)
    for sha256 in sorted({row["template_sha256"] for row in rows}):
        # First the lock, then the look: whoever comes with the same template meanwhile waits, or is seen.
        await connection.execute("SELECT FROM run_templates WHERE sha256 = $1 FOR UPDATE", sha256)
        await _forget(connection, [sha256])


async def forget_templates(connection: Connection) -> None:
    """Deletes templates whose runs were deleted with what they waited with."""
    rows = await connection.fetch(
        """
        SELECT sha256
        FROM run_templates
        WHERE NOT EXISTS (SELECT FROM run_tasks WHERE template_sha256 = sha256)
        FOR UPDATE SKIP LOCKED
        """
    )
    await _forget(connection, [row["sha256"] for row in rows])


async def _forget(connection: Connection, digests: Sequence[str]) -> None:
    """Of these, which are locked, those that no run waits with."""
    await connection.execute(
        """
        DELETE FROM run_templates
        WHERE sha256 = ANY($1) AND NOT EXISTS (SELECT FROM run_tasks WHERE template_sha256 = sha256)
        """,
        digests,
    )
