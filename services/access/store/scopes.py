"""Scopes as columns have them: JSON, a list of names, tags and labels."""

from collections.abc import Sequence

import orjson

from servicekit.identity.scopes import Scope


def dumped(scopes: Sequence[Scope]) -> str:
    fields = [{"names": each.names, "tags": each.tags, "labels": dict(each.labels)} for each in scopes]
    return orjson.dumps(fields).decode()


def loaded(text: str) -> tuple[Scope, ...]:
    return tuple(Scope.made(**fields) for fields in orjson.loads(text))
