"""What a change makes of a resource: pure, so that it says what is otherwise before anything is written."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from servicekit.errors import invalid_field
from services.tasks import errors
from services.tasks.models import Change, Epic, Project, Task

# Of one list that grows by merging.
MAX_ITEMS = 200

Resource: TypeAlias = Project | Epic | Task


def changed(resource: Resource, change: Change) -> dict[str, Any]:
    """The values that are otherwise afterwards, by the names of fields.

    Raises:
        ServiceError: ETAG_MISMATCH; INVALID_REQUEST where a list would grow too long.
    """
    if change.etag and change.etag != str(resource.version):
        raise errors.etag_mismatch(f"The {type(resource).__name__.lower()}")
    has = {each.name: getattr(resource, each.name) for each in fields(resource)}
    wanted = {**change.values, **change.replaced}
    wanted |= {name: _merged(has[name], value) for name, value in change.merged.items()}
    for name, value in wanted.items():
        if isinstance(value, list) and len(value) > MAX_ITEMS:
            raise invalid_field(name, f"would have more than {MAX_ITEMS} items")
    return {name: value for name, value in wanted.items() if _plain(has[name]) != value}


def _merged(has: Any, added: Any) -> Any:
    if isinstance(added, Mapping):
        return {**has, **added}
    return list(dict.fromkeys([*has, *added]))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
