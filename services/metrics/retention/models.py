"""Tables that are kept for a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from servicekit.partitions import Partitioned
from services.metrics.rollups.models import DAY, HOUR, MINUTE, Tier

EVENTS = "metrics"
# By the names that the original's routes have for them; a roll-up's table has its name.
TABLES: Mapping[str, Partitioned] = {
    EVENTS: Partitioned("metric_events", "time"),
    MINUTE.table: Partitioned(MINUTE.table, "time", "day"),
    HOUR.table: Partitioned(HOUR.table, "time"),
    DAY.table: Partitioned(DAY.table, "time"),
}
# The column that has the time that a row is about.
TIMES: Mapping[str, str] = {EVENTS: "at", MINUTE.table: "bucket", HOUR.table: "bucket", DAY.table: "bucket"}
TIERS_BY_TABLE: Mapping[str, Tier | None] = {EVENTS: None, MINUTE.table: MINUTE, HOUR.table: HOUR, DAY.table: DAY}


@dataclass(frozen=True, slots=True)
class Policy:
    """How long the rows of a table are kept."""

    table_name: str
    retention_days: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """How many rows there are, of which times."""

    rows: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
