"""`python -m benchmarks.peers.one_by_one serve`: the hitl service with a transaction for each question and answer."""

import sys

from servicekit.errors import ServiceError
from servicekit.launch import launch
from services.hitl import server
from services.hitl.lifecycle import request_writer as decisions
from services.hitl.models import Answer, HumanRequest, Response


class OneByOne(decisions.Decisions):
    """The same rules and statements on a connection of the pool, with nobody to share the commit with."""

    async def _submit(self, operation: "decisions.Asking | Answer") -> HumanRequest | Response | None:
        async with self._database.transaction() as connection:
            (outcome,), _ = await self._decide(connection, [operation])
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome


if __name__ == "__main__":
    sys.argv = ["services.hitl", *sys.argv[1:]]
    setattr(server, "Decisions", OneByOne)  # noqa: B010 - the name is an import of that module
    launch("services.hitl")
