"""What Jinja templates of strangers run in: nothing but the payload, escaped wherever it is written, within bounds."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from jinja2 import Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from services.documents.placeholders.filling import BREAK, TAB
from services.documents.templating import syntax
from services.documents.templating.values import Array, Missing, Steps, path_of, steps_of, traced, wrapped

# Turns of all loops together; values that are written; a number that says how long or how often; characters that are
# written.
MAX_TURNS = 200_000
MAX_WRITTEN = 50_000
MAX_NUMBER = 100_000
MAX_OUTPUT = 32 * 1024 * 1024
MAX_EXPONENT = 64
# Around a value that was written: what comes of it is looked for there. No document has these.
BEGIN, NUMBERED, END = "\ufdd2", "\ufdd3", "\ufdd4"
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
WIDTH = re.compile(r"%(\([^)]*\))?[^a-zA-Z%]*(\d{4,}|\*)")
WRITTEN, TURNED, CALLED = "_written", "_turned", "_called"
DEFAULTING = {"default", "d"}
# Those in which a number says how long something becomes.
SIZED = {"center", "truncate", "wordwrap", "round", "zfill"}
METHODS: Sequence[tuple[type, frozenset[str]]] = (
    (str, syntax.TEXT_METHODS),
    (dict, syntax.RECORD_METHODS),
    (list, syntax.ARRAY_METHODS),
    (LoopContext, syntax.LOOP_METHODS),
)
# A value that is missing is nothing: neither odd nor a text.
OF_THE_MISSING = {"undefined": True, "none": True}
Test = Callable[..., bool]


class LimitsReachedError(Exception):
    """A template that turns, writes or multiplies more than it may."""


@dataclass(frozen=True, slots=True)
class Written:
    """A value that was written: by which of the places that write, and where it is from."""

    place: int
    # None: it was computed.
    steps: Steps | None
    # The path of what is missing, which stands in its place.
    missing: str | None


@dataclass(slots=True)
class Account:
    """What the parts of one template did together."""

    written: list[Written] = field(default_factory=list)
    turns: int = 0
    characters: int = 0


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's, with less: no attribute of Python is reached, and nothing is called but a few methods and functions."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(autoescape=True, undefined=Missing, keep_trailing_newline=True)
        self.account = Account()
        own = {"e": _unchanged, "escape": _unchanged, "format": _format}
        allowed = {name: own.get(name, self.filters[name]) for name in syntax.FILTERS}
        self.filters = {name: _guarded(name, each) for name, each in allowed.items()}
        self.filters |= {WRITTEN: self._written, TURNED: self._turned, CALLED: _called}
        self.tests = {name: _guarded_test(name, cast(Test, self.tests[name])) for name in syntax.TESTS}
        self.globals = {"range": _range, "namespace": Namespace}

    def guard(self, tree: nodes.Template) -> list[nodes.Node]:
        """Puts into a tree what counts turns, and what escapes and tells each value; gives all that is written."""
        guarding = _Guarding()
        guarding.visit(tree)
        tree.set_environment(self)
        return guarding.places

    def render(self, tree: nodes.Template, payload: Mapping[str, Any]) -> str:
        """What a guarded tree writes."""
        template = self.template_class.from_code(self, self.compile(tree), self.globals)
        pieces = []
        for piece in template.generate(wrapped(payload)):
            self.account.characters += len(piece)
            if self.account.characters > MAX_OUTPUT:
                raise LimitsReachedError("writes more than a document may have")
            pieces.append(piece)
        return "".join(pieces)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What an object of the payload has by this name; never an attribute of Python's."""
        if isinstance(obj, Missing):
            return obj.below(attribute)
        if isinstance(obj, dict):
            return _of(obj, attribute)
        if (isinstance(obj, LoopContext) and attribute in syntax.LOOP) or isinstance(obj, Namespace):
            return self._ours(obj, attribute)
        raise _none_of(attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Missing):
            return obj.below(str(argument))
        if isinstance(argument, Missing):
            return argument
        if isinstance(obj, dict):
            return _of(obj, argument)
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                found = obj[argument]
            except IndexError:
                return Missing(name=f"{path_of(steps_of(obj) or ())}[{argument}]")
            return traced(found, steps_of(obj) or ()) if steps_of(obj) is not None else found
        raise _none_of(argument)

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """By `map`."""
        if name not in syntax.FILTERS:
            raise SecurityError(f"There is no filter {name!r} here")
        return super().call_filter(name, *args, **kwargs)

    def is_safe_callable(self, obj: Any) -> bool:
        return obj is _range or obj is Namespace

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Missing) or isinstance(right, Missing):
            return left if isinstance(left, Missing) else right
        if operator == "%" and isinstance(left, str):
            raise SecurityError("Texts are formatted by the filter format")
        if operator == "**" and not all(isinstance(e, int | float) and abs(e) <= MAX_EXPONENT for e in (left, right)):
            raise LimitsReachedError(f"has powers of what is more than {MAX_EXPONENT}")
        if operator == "*" and (_repeats(left, right) or _repeats(right, left)):
            raise LimitsReachedError("repeats or multiplies more than it may")
        return super().call_binop(context, operator, left, right)

    def _ours(self, obj: Any, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise SecurityError(f"{attribute!r} is no name of a value")
        try:
            return super().getattr(obj, attribute)
        except AttributeError:
            return Missing(name=attribute)

    @pass_context
    def _written(self, _context: Context, value: Any, place: int) -> Markup:
        """The text that stands for a value, escaped whatever it is, between marks by which it is found again."""
        missing = value.path if isinstance(value, Missing) else None
        text = _text(value)
        if UNFIT.search(text):
            raise ValueError("A value has a character that no document can hold")
        if len(self.account.written) >= MAX_WRITTEN:
            raise LimitsReachedError(f"writes more than {MAX_WRITTEN} values")
        number = len(self.account.written)
        self.account.written.append(Written(place, steps_of(value), missing or None))
        broken = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", BREAK).replace("\t", TAB)
        return Markup("{}{}{}{}{}").format(BEGIN, number, NUMBERED, str(broken), END)

    @pass_context
    def _turned(self, _context: Context, iterated: Any) -> Any:
        """What a loop goes through, counted before it begins."""
        if isinstance(iterated, Missing):
            return []
        if not isinstance(iterated, list | tuple | dict | range):
            raise TypeError("A loop goes through what is no array")
        self.account.turns += 1 + len(iterated)
        if self.account.turns > MAX_TURNS:
            raise LimitsReachedError(f"has more than {MAX_TURNS} turns of loops")
        return list(iterated)


class _Guarding(NodeTransformer):
    """Methods, loops and output go through the sandbox's own filters."""

    def __init__(self) -> None:
        self.places: list[nodes.Node] = []

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja calls it by this name
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Getattr):
            return node
        arguments = [nodes.Const(node.node.attr, lineno=node.lineno), *node.args]
        rest = (node.kwargs, node.dyn_args, node.dyn_kwargs)
        return nodes.Filter(node.node.node, CALLED, arguments, *rest, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, TURNED, [], [], None, None, lineno=node.iter.lineno)
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 - as above
        for at, each in enumerate(node.nodes):
            if not isinstance(each, nodes.TemplateData):
                number = nodes.Const(len(self.places), lineno=each.lineno)
                self.places.append(each)
                node.nodes[at] = nodes.Filter(self.visit(each), WRITTEN, [number], [], None, None, lineno=each.lineno)
        return node


def _of(of: dict[Any, Any], name: Any) -> Any:
    """What an object has by a name; an object of the template's own may have other names than texts."""
    if isinstance(name, str | int | float) and name in of:
        return of[name]
    return Missing(name=path_of((*(steps_of(of) or ()), str(name))))


def _none_of(name: Any) -> Exception:
    """What is asked of a value that has no such thing; whoever asks for insides asks for them on purpose."""
    told = f"{name!r} is asked of what has no such thing"
    return SecurityError(told) if isinstance(name, str) and name.startswith("_") else TypeError(told)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is given nothing missing, no number beyond the bounds, and whose result knows where it is from."""
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        value, given = args[skipped], [*args[skipped + 1 :], *kwargs.values()]
        if name not in DEFAULTING and (missing := [e for e in (value, *given) if isinstance(e, Missing)]):
            return missing[0]
        _require_small(name, given)
        result = function(*args, **kwargs)
        if isinstance(result, Iterator):
            result = list(islice(result, MAX_TURNS + 1))
            if len(result) > MAX_TURNS:
                raise LimitsReachedError(f"has an array of more than {MAX_TURNS}")
        steps = steps_of(value)
        return result if steps is None else traced(result, steps)

    return guarded


def _guarded_test(name: str, function: Callable[..., Any]) -> Callable[..., bool]:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> bool:
        if any(isinstance(each, Missing) for each in args):
            return OF_THE_MISSING.get(name, False)
        return bool(function(*args, **kwargs))

    return guarded


def _called(value: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """A method of a value, of the few that there are."""
    if missing := [each for each in (value, *args, *kwargs.values()) if isinstance(each, Missing)]:
        return missing[0]
    _require_small(method, [*args, *kwargs.values()])
    if not any(isinstance(value, kind) and method in methods for kind, methods in METHODS):
        raise SecurityError(f"{method!r} is called of what has no such thing")
    if isinstance(value, dict):
        if method == "get":
            return value.get(*args) if len(args) > 1 else _of(value, *args)
        return list(getattr(value, method)())
    result = getattr(value, method)(*args, **kwargs)
    steps = steps_of(value)
    return result if steps is None else traced(result, steps)


def _range(*bounds: Any) -> Any:
    if missing := [each for each in bounds if isinstance(each, Missing)]:
        return missing[0]
    made = range(*bounds)
    if len(made) > MAX_NUMBER:
        raise LimitsReachedError(f"has a range of more than {MAX_NUMBER}")
    return made


def _format(form: Any, *args: Any, **kwargs: Any) -> str:
    """As `%` does, with no wide fields."""
    form = str(form)
    if WIDTH.search(form):
        raise LimitsReachedError("has a format that is too wide")
    return str(form % (kwargs or args))


def _unchanged(value: Any) -> Any:
    """Everything that is written is escaped: once."""
    return value


def _require_small(name: str, given: list[Any]) -> None:
    if name in SIZED and any(isinstance(each, int | float) and abs(each) > MAX_NUMBER for each in given):
        raise LimitsReachedError(f"gives {name} a number beyond {MAX_NUMBER}")


def _repeats(one: Any, times: Any) -> bool:
    if isinstance(one, int) and isinstance(times, int):
        return max(one.bit_length(), times.bit_length()) > MAX_EXPONENT
    return isinstance(one, str | list | tuple) and isinstance(times, int) and len(one) * times > MAX_NUMBER


def _text(value: Any) -> str:
    """As placeholders have it: arrays joined, true and false in small letters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or (isinstance(value, Undefined) and not isinstance(value, Missing)):
        return ""
    if isinstance(value, str | int | float | Missing):
        return str(value)
    if isinstance(value, Array | list | tuple | range):
        return ", ".join(_text(each) for each in value)
    raise TypeError("What is to be written is no text: an object, or something that is no value")
