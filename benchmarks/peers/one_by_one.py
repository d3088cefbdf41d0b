"""`python -m benchmarks.peers.one_by_one serve`: the hitl service with a transaction for each question and answer."""

import sys

from servicekit.errors import ServiceError
from servicekit.launch import launch
from services.hitl import server
from services.hitl.lifecycle.request_writer import CreateRequest, RequestWriter
from services.hitl.models import Answer, HumanRequest, Response


class OneByOne(RequestWriter):
    """The same rules and statements on a connection of the pool, with nobody to share the commit with."""

    async def _submit(self, operation: CreateRequest | Answer) -> HumanRequest | Response | None:
        async with self._database.transaction() as connection:
            (outcome,), _ = await self._write(connection, [operation])
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome


if __name__ == "__main__":
    sys.argv = ["services.hitl", *sys.argv[1:]]
    setattr(server, "RequestWriter", OneByOne)  # noqa: B010 - the name is an import of that module
    launch("services.hitl")
