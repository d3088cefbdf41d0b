"""Prices, and what has been used by them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from google.protobuf.message import Message

from servicekit import pagination
from servicekit.errors import invalid_field
from servicekit.idempotency import Once
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from servicekit.turns import Turns
from services.metrics.costs import store
from services.metrics.costs.models import TOKENS, Cost, Grouping, Price, PriceTable
from services.metrics.costs.pricing import Group, costs

USUAL = timedelta(days=1)
# About what tokens of a series take, by which is told how much work they make.
USAGE_BYTES = 200

Answer = TypeVar("Answer", bound=Message)


class Costs:
    """Answers what tokens cost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # It reads every event of a time: one question holds a connection, the others wait without.
        self._turns = Turns(1)

    async def create(
        self, prices: Sequence[Price], effective_at: datetime | None, by: str, once: Once[PriceTable, Answer]
    ) -> Answer:
        """Makes the next price table."""
        named = [(each.model, each.token_type) for each in prices]
        if len(set(named)) < len(named):
            raise invalid_field("price_table.prices", "has two prices of one model and type of tokens")

        async def create(connection: Connection) -> PriceTable:
            return await store.insert(connection, prices, effective_at, by)

        return await once.run(self._database, create)

    async def page(self, page_size: int, page_token: str) -> tuple[list[PriceTable], str]:
        """A page of tables, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (), int)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, asked.after, asked.limit)
        return asked.page(found, lambda table: (str(table.version),))

    async def query(
        self, start: datetime | None, end: datetime | None, grouping: Grouping, viewer: Viewer
    ) -> tuple[Mapping[Group, Cost], Cost]:
        """What was used within a time costs, by groups and all together."""
        until = end or datetime.now(UTC)
        since = start or until - USUAL
        if since >= until:
            raise invalid_field("start_at", "must be before end_at")
        if grouping.path in grouping.by:
            raise invalid_field("path_dimension", "cannot stand in group_by as well")
        if grouping.beneath and not grouping.path:
            raise invalid_field("beneath", "needs the path_dimension that it is a path of")
        whose = "" if viewer.sees_all else viewer.name
        async with self._turns.turn(), self._database.connection() as connection:
            tables = await store.tables(connection, since, until)
            starts = [table.effective_at for table in tables]
            under = (grouping.path, grouping.beneath)
            used = await store.usage(connection, TOKENS, starts, (since, until), whose, under)
        return await beside(len(used) * USAGE_BYTES, costs, used, tables, grouping)
