"""The query of a call that came as HTTP: each field once, with a value, and none that the path names already.

Envoy's transcoder takes the last of several, lets the query overrule the path, and drops what has no value: a call
would do something else than its address says to people, logs and rules.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from servicekit.errors import Violation, invalid_argument
from servicekit.methods import Method

# What the transcoder says the path was.
ORIGINAL_PATH = "x-envoy-original-path"
VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]*))?\}")
# Of a name that is no field's, in what is told of it.
MAX_NAME_LENGTH = 100
MAX_VIOLATIONS = 20

Check = Callable[[str], None]


def check_of(method: Method) -> Check:
    """What looks at the paths of an RPC, as they came.

    It raises ServiceError (INVALID_REQUEST) with the names that are at fault.
    """
    routes = [(_regex(route), {found[1] for found in VARIABLE.finditer(route)}) for route in method.routes]
    any_of_them = set[str]().union(*(names for _, names in routes))
    request: Any = method.request_class.DESCRIPTOR

    def check(path: str) -> None:
        address, _, query = path.partition("?")
        if not query:
            return
        bound = next((names for regex, names in routes if regex.fullmatch(address)), any_of_them)
        violations = [*_faults(query, request, bound)][:MAX_VIOLATIONS]
        if violations:
            first = violations[0]
            raise invalid_argument("INVALID_REQUEST", f"{first.field} {first.description}.", violations)

    return check


def _faults(query: str, request: Descriptor, bound: set[str]) -> Iterator[Violation]:
    seen: dict[str, str] = {}
    for part in query.split("&"):
        encoded, has_value, _ = part.partition("=")
        # As the transcoder reads it: `i%64` is `id` to it.
        given = unquote(encoded)
        name = given[:MAX_NAME_LENGTH]
        if not part:
            continue
        if not has_value or not given:
            yield Violation(name, "has no value; write it as name=value")
            continue
        fields = _fields(request, given)
        if fields is None:
            # The transcoder has refused what is no field.
            continue
        path = ".".join(field.name for field in fields)
        if path in bound:
            yield Violation(name, "stands in the path, and cannot stand in the query too")
        if fields[-1].is_repeated:
            continue
        choice = fields[-1].containing_oneof
        group = f"{path.rpartition('.')[0]}.{choice.name}" if choice else path
        if group in seen:
            other = seen[group]
            yield Violation(name, "stands there more than once" if other == name else f"cannot stand beside {other}")
        seen[group] = name


def _fields(message: Descriptor | None, name: str) -> list[FieldDescriptor] | None:
    """The fields that a name leads through, each by its name in proto or in JSON; None where there is none."""
    found = []
    for part in name.split("."):
        described: Any = message
        field = described and (described.fields_by_name.get(part) or described.fields_by_camelcase_name.get(part))
        if not field:
            return None
        found.append(field)
        message = field.message_type
    return found


def _regex(route: str) -> re.Pattern[str]:
    literals, last = [], 0
    for found in VARIABLE.finditer(route):
        literals += [re.escape(route[last : found.start()]), ".+" if found[2] == "**" else "[^/]+"]
        last = found.end()
    return re.compile("".join([*literals, re.escape(route[last:]), "/?"]))
