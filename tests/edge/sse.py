"""Server-Sent Events, read as a browser reads them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Event:
    """One event; a comment has its text as `comment` and nothing else."""

    id: str = ""
    name: str = "message"
    data: dict[str, Any] = field(default_factory=dict)
    comment: str = ""


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """The events and comments of a stream; one that is cut off in its midst does not count."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line.startswith(":"):
            yield Event(comment=line[1:].strip())
        elif line:
            fields[name] = value
        elif fields:
            yield Event(fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
