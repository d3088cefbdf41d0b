"""How hard a task is taken to be where nobody says: by what it says of itself. Pure; docs/tasks.md has these rules."""

import re
from collections.abc import Mapping
from typing import Any

from services.tasks.models import Change

MAX_SCORE = 10
# So many characters of a description, and so many items of a list, are a point each.
LENGTHS = (200, 1_000, 4_000)
COUNTS = (1, 4)
LISTS = ("dependencies", "resources", "ra_tags", "required_evidence")
# Beginnings of words that speak of risk; as many as count.
RISKS = re.compile(
    r"\b(architect|authenti|authori|backward|concurren|consisten|crypto|deadlock|distribut|encrypt|integrat|latency|migrat"
    r"|performan|protocol|race|refactor|scal|schema|secur|transaction)"
)
MAX_RISKS = 3


def score(name: str, change: Change) -> int:
    """1 to 10, of a task that is about to be made."""
    said: Mapping[str, Any] = {**change.values, **change.merged, **change.replaced}
    description = str(said.get("description", ""))
    points = 1 + sum(len(description) > least for least in LENGTHS)
    for each in LISTS:
        points += sum(len(said.get(each, ())) >= least for least in COUNTS)
    points += min(len(set(RISKS.findall(f"{name} {description}".lower()))), MAX_RISKS)
    return min(points, MAX_SCORE)
