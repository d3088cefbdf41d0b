"""What arguments humans can be asked about: hitl refuses others, and who waited for an approval would wait in vain."""

from collections.abc import Iterator

import orjson

from servicekit.errors import Violation
from services.tools.models import Json

# As much as hitl takes as proposed arguments.
MAX_BYTES = 256 * 1024


def faults(arguments: dict[str, Json]) -> list[Violation]:
    """What keeps these from being shown; empty where nothing does."""
    if len(orjson.dumps(arguments)) > MAX_BYTES:
        return [Violation("/", f"are more than {MAX_BYTES // 1024} KiB of JSON")]
    return [Violation(path or "/", "holds U+0000, which nobody can be shown") for path in _nuls(arguments, "")][:20]


def _nuls(value: Json, path: str) -> Iterator[str]:
    """Where texts or names hold U+0000, as JSON pointers."""
    if isinstance(value, str):
        if "\0" in value:
            yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if "\0" in name:
                yield path
            yield from _nuls(inner, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _nuls(inner, f"{path}/{place}")
