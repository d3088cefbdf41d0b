"""What is left of whoever wrote events."""

from servicekit.postgres import Connection
from services.metrics.ingestion.store import events as store


async def forget_commits(connection: Connection) -> None:
    """Deletes what nobody can be in doubt about any more."""
    await store.forget_commits(connection)
