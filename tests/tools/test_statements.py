"""What an invocation costs the database, counted in the log of a Postgres."""

import re
from pathlib import Path

from tests.stack import running_postgres
from tests.tools.service import replica, settings_for

STATEMENT = re.compile(r"LOG:  (?:execute \S+|statement):\s*(\w+(?: \w+)?)")


async def test_an_invocation_that_needs_no_approval_costs_two_statements(tmp_path: Path) -> None:
    """One for the intent and one for the ending, each of them a transaction of its own."""
    with running_postgres(tmp_path / "postgres") as server:
        async with server.database("tools") as url:
            await server.execute(f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET log_statement = 'all'")
            async with replica(settings_for(url, tmp_path, tools_lease_seconds=3600)) as service:
                await service.invoke("echo", {"message": "prepares the statement"})
                written = len(server.log.read_text())
                for _ in range(10):
                    await service.invoke("echo", {"message": "counted"})
                found = STATEMENT.findall(server.log.read_text()[written:])
    assert found.count("WITH ended") == 20
    # What runs beside the calls looks at other things now and then.
    assert not {"BEGIN", "COMMIT", "INSERT INTO", "UPDATE invocations"} & set(found)
