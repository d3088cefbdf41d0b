"""The payload as templates see it: each value knows where it is from, and one that is missing knows its name."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Undefined

Json = Any
# The way to a value: names of objects and numbers of arrays.
Steps = tuple[str | int, ...]


class Text(str):
    """A text of the payload, or one made of it by filters alone."""

    __slots__ = ("steps",)
    steps: Steps


class Whole(int):
    """A whole number of the payload."""

    steps: Steps


class Fraction(float):
    """Another number of the payload."""

    steps: Steps


class Array(list[Any]):
    """An array of the payload, or what was selected of one."""

    steps: Steps


class Record(dict[str, Any]):
    """An object of the payload. What is null in it is missing."""

    steps: Steps


class Missing(Undefined):
    """A value that the payload lacks. What is made of it is missing too; a condition is false, a loop has no turns."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """`customer.name`; empty where nobody asked for it by a name."""
        return self._undefined_name or ""

    def below(self, name: str) -> "Missing":
        return Missing(name=f"{self.path}.{name}" if self.path else name)

    def _itself(self, *_: Any) -> Any:
        return self

    def _no(self, *_: Any) -> Any:
        return False

    def __str__(self) -> str:
        return f"{{{{ {self.path} }}}}" if self.path else ""

    __repr__ = __str__
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __pos__ = __neg__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = _no
    __contains__ = _no


CLASSES: Sequence[tuple[type, type]] = ((str, Text), (int, Whole), (float, Fraction), (list, Array), (dict, Record))


def wrapped(value: Json, steps: Steps = ()) -> Any:
    """A value of the payload with all that is in it; true and false stay as they are, and null is missing."""
    if value is None:
        return Missing(name=path_of(steps))
    if isinstance(value, Mapping):
        value = {name: wrapped(each, (*steps, name)) for name, each in value.items() if each is not None}
    elif isinstance(value, list):
        value = [wrapped(each, (*steps, number)) for number, each in enumerate(value)]
    return traced(value, steps)


def traced(value: Any, steps: Steps) -> Any:
    """A value that is said to be from there; one that knows where it is from, or cannot know, stays as it is."""
    if isinstance(value, bool) or steps_of(value) is not None:
        return value
    for kind, ours in CLASSES:
        if type(value) is kind:
            made = ours(value)
            made.steps = steps
            return made
    return value


def steps_of(value: Any) -> Steps | None:
    found: Steps | None = getattr(value, "steps", None) if isinstance(value, tuple(c for _, c in CLASSES)) else None
    return found


def path_of(steps: Steps) -> str:
    """As a template would write it: `items[0].name`."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def pointer_of(steps: Steps) -> str:
    """As RFC 6901 writes it, below the payload: `items/0/name`."""
    return "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
