"""YAML as text: read strictly, at a cost that its length bounds, and written so that it is read back as the same.

Plain words mean what YAML 1.2 says, so `no` and a date are texts. What stands for something else (anchors, aliases,
tags) is refused. Everything knows its line.
"""

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

MAX_VALUES = 100_000
# The levels of a board, and those that a document in it may have.
MAX_DEPTH = 40
# No number that a double carries is written longer.
MAX_NUMBER_LENGTH = 400
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {word: word[0] in "tT" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")

Scalar: TypeAlias = str | int | float | bool | None


class YamlError(ValueError):
    """A text that is not taken, and the line."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(f"{what} at line {line}")


@dataclass(slots=True)
class Node:
    """A value and where it begins."""

    line: int
    value: "Scalar | list[Node] | dict[str, Node]"
    # The key of a mapping whose value comes next.
    key: str | None = field(default=None, repr=False)

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: each.plain() for key, each in self.value.items()}
        if isinstance(self.value, list):
            return [each.plain() for each in self.value]
        return self.value

    def line_of(self, path: str) -> int:
        """The line of what a path, `projects[0].name`, leads to, or of the last on its way that there is."""
        found = self
        for index, name in STEP.findall(path):
            if index and isinstance(found.value, list) and int(index) < len(found.value):
                found = found.value[int(index)]
            elif name and isinstance(found.value, dict) and name in found.value:
                found = found.value[name]
            else:
                break
        return found.line


def read(text: str) -> Node:
    """The one document of a text.

    Raises:
        YamlError: it is no YAML, or has more than is taken.
    """
    try:
        return _read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"is no YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError:
        raise YamlError("is no YAML: it has a character that YAML does not take", 1) from None


def write(value: Any) -> str:
    """A JSON value as YAML, which `read` reads as the same."""
    written: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return written


def _read(text: str) -> Node:
    root: Node | None = None
    within: list[Node] = []
    count = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise YamlError("has a second document", line)
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        _require_itself(event, line)
        count += 1
        if count > MAX_VALUES:
            raise YamlError(f"holds more than {MAX_VALUES:,} values", line)
        if within and isinstance(within[-1].value, dict) and within[-1].key is None:
            within[-1].key = _key(event, within[-1].value, line)
            continue
        node = Node(line, _value(event, line))
        if within:
            _put(within[-1], node)
        else:
            root = node
        if not isinstance(event, yaml.ScalarEvent):
            within.append(node)
            if len(within) > MAX_DEPTH:
                raise YamlError(f"is nested deeper than {MAX_DEPTH} levels", line)
    return root or Node(1, None)


def _require_itself(event: yaml.NodeEvent, line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise YamlError("has an anchor or an alias, which are not taken: write it out", line)
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        raise YamlError("has a tag, which is not taken: leave it out", line)


def _put(around: Node, node: Node) -> None:
    if isinstance(around.value, list):
        around.value.append(node)
    elif isinstance(around.value, dict) and around.key is not None:
        around.value[around.key] = node
        around.key = None


def _key(event: yaml.NodeEvent, known: dict[str, Node], line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise YamlError("has a name that is no text", line)
    name: str = event.value
    if name in known:
        raise YamlError(f"has {name[:100]!r} twice in one mapping", line)
    return name


def _value(event: yaml.NodeEvent, line: int) -> "Scalar | list[Node] | dict[str, Node]":
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    assert isinstance(event, yaml.ScalarEvent), "there is nothing else"
    is_plain = event.implicit[0]
    return _resolved(event.value, line) if is_plain else event.value


def _resolved(word: str, line: int) -> Scalar:
    """What a word means that stands without quotes."""
    if word in NULLS:
        return None
    if word in BOOLEANS:
        return BOOLEANS[word]
    if NO_NUMBER.fullmatch(word):
        raise YamlError(f"has {word}, which is no number that JSON has; as a text it has quotes", line)
    if not FLOAT.fullmatch(word):
        return word
    if len(word) > MAX_NUMBER_LENGTH:
        raise YamlError("has a number of hundreds of digits; as a text it has quotes", line)
    if INTEGER.fullmatch(word):
        return int(word)
    # A plus or zeros in front are part of a text, as 007.
    return word if re.match(r"[-+]?0[0-9]|\+", word) else float(word)


class _Dumper(yaml.CSafeDumper):
    """Writes texts of several lines as such, and quotes what would be read as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - it is yaml's signature
        """Everything is written out."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    quoted = text in NULLS or text in BOOLEANS or NO_NUMBER.fullmatch(text) or FLOAT.fullmatch(text)
    style = "|" if "\n" in text else '"' if quoted else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
