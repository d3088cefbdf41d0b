"""Adds up tokens by minute where events are rolled up, so that costs are read from minutes and not from events."""

from collections.abc import Mapping

import numpy as np

from servicekit.postgres import Connection
from services.metrics.costs import store
from services.metrics.costs.models import TOKENS
from services.metrics.rollups.models import MINUTE, Observations, SeriesKey
from services.metrics.rollups.numbering import numbered
from services.metrics.rollups.store.rollups import time_of


async def tally_tokens(connection: Connection, events: Observations, keys: Mapping[int, SeriesKey]) -> None:
    """Adds the tokens among some events.

    Args:
        connection: in the transaction that rolls them up.
        events: of any series, by their ids.
        keys: what these series are of.
    """
    named = ("metric_name", TOKENS)
    wanted = [number for number, key in keys.items() if key.type == "custom" and named in key.dimensions]
    if not wanted:
        return
    mine = np.isin(events.series, wanted)
    series, series_of = np.unique(events.series[mine], return_inverse=True)
    minutes, minute_of = numbered(events.at[mine] // MINUTE.width)
    groups, group_of = numbered(series_of * len(minutes) + minute_of)
    await store.add_usage(
        connection,
        series[groups // len(minutes)].tolist(),
        [time_of(minute * MINUTE.width) for minute in minutes[groups % len(minutes)].tolist()],
        np.bincount(group_of, events.values[mine] * events.weights[mine]).tolist(),
    )
