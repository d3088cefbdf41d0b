"""SQL of proposals: how often humans approved the same before."""

from servicekit.postgres import Connection
from services.tools.models import Intent

# Of the same principal and tool, the newest. What was approved rarely among many others is not proposed.
LOOKED_AT = 500


async def count_equal(connection: Connection, intent: Intent) -> int:
    """Approvals without edits of earlier equal calls, since one was rejected or a grant for the tool revoked."""
    found = await connection.fetchval(
        """
        WITH recent AS (
            SELECT id, tool_etag, begun_as, input_params
            FROM invocations
            WHERE principal = $1 AND tool_name = $2 AND id < $3
            ORDER BY id DESC
            LIMIT $6
        ), equal AS (
            SELECT d.status, d.decided_at, d.edited_arguments IS NULL AND cardinality(d.decided_by) > 0 AS as_asked
            FROM recent r
            JOIN decisions d ON d.invocation_id = r.id
            WHERE r.begun_as = 'awaiting_approval' AND r.tool_etag = $4 AND r.input_params::text = $5
        ), since AS (
            SELECT greatest(
                (SELECT max(decided_at) FROM equal WHERE status = 'rejected'),
                (
                    SELECT max(g.revoked_at)
                    FROM grants g, unnest(g.tools) AS pattern
                    WHERE g.principal = $1
                      AND g.revoked_at IS NOT NULL
                      AND $2 LIKE replace(replace(pattern, '_', '\\_'), '*', '%')
                )
            ) AS at
        )
        SELECT count(*)
        FROM equal, since
        WHERE status = 'approved' AND as_asked AND (since.at IS NULL OR decided_at > since.at)
        """,
        intent.principal,
        intent.tool_name,
        intent.id,
        intent.tool_etag,
        intent.input_params,
        LOOKED_AT,
    )
    return int(found)
