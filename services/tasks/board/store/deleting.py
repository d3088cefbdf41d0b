"""SQL that deletes tasks with whatever is above them: their leases and attempts end with them."""

# What a task without a lease has.
NO_LEASE = """
    lease_holder = '',
    lease_agent = '',
    lease_acquired_at = NULL,
    lease_expires_at = NULL
"""


def deleted_tasks(condition: str) -> str:
    """The first expressions of a statement: `of_tasks` are those that it deletes, and whether somebody was at each."""
    return f"""
        of_tasks AS (
            UPDATE tasks
            SET deleted_at = clock_timestamp(),
                {NO_LEASE}
            WHERE {condition}
              AND deleted_at IS NULL
            RETURNING id, coalesce(old.lease_expires_at > clock_timestamp(), false) AS was_leased
        ), ended AS (
            UPDATE task_attempts
            SET ended_at = clock_timestamp(),
                outcome = 'deleted'
            FROM of_tasks
            WHERE task_attempts.task_id = of_tasks.id
              AND task_attempts.ended_at IS NULL
        )
    """


# How many leases that ended.
ENDED_LEASES = "(SELECT count(*) FROM of_tasks WHERE was_leased) AS leases"
