"""Walks the syntax tree of a part, and notes what of the payload it asks for."""

from collections.abc import Iterable, Mapping
from functools import singledispatchmethod

from jinja2 import nodes

from services.documents.templating.sources import Source
from services.documents.templating.syntax import FUNCTIONS
from services.documents.templating.wanted import Wanted

DEFAULTING = {"default", "d"}
# Filters that give the array that they are given, or some of it; one of it; or something else that is made of it.
SELECTING = {"list", "sort", "reverse", "unique", "select", "reject", "selectattr", "rejectattr"}
CHOOSING = {"first", "last", "min", "max"}
GATHERING = {"join", "map", "sum"}
# Those to which the name of a member is given, as their first argument or by the name `attribute`.
BY_NAME_FIRST = {"selectattr", "rejectattr", "sum"}
OF_NUMBERS = {"abs", "round", "filesizeformat"}
OF_TEXTS = {"capitalize", "center", "lower", "replace", "title", "trim", "truncate", "upper", "wordcount", "wordwrap"}
ARITHMETIC = (nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos)

Scope = dict[str, Wanted | None]


class Reader:
    """Of one part. A name in the scope that is None is no value of the payload, or one that nobody can tell."""

    def __init__(self, root: Wanted, source: Source) -> None:
        self._root = root
        self._source = source
        # The paths that what is written is made of, by the id of its node.
        self.asked: dict[int, tuple[str, ...]] = {}
        self._used_now: dict[str, None] = {}
        # What the values of an object are, by the id of the node that gives them, alone or with their names.
        self._values: dict[int, Wanted] = {}

    def read(self, tree: nodes.Template) -> None:
        self._body(tree.body, {}, optional=False)

    def _body(self, statements: Iterable[nodes.Node], scope: Scope, *, optional: bool) -> None:
        """In order: what is set is known to what follows."""
        for statement in statements:
            self._statement(statement, scope, optional=optional)

    @singledispatchmethod
    def _statement(self, node: nodes.Node, _scope: Scope, *, optional: bool) -> None:
        del optional
        raise TypeError(f"{type(node).__name__} is no statement of a template")

    @_statement.register
    def _(self, node: nodes.Output, scope: Scope, *, optional: bool) -> None:
        for each in node.nodes:
            self._used_now = {}
            found = self._value(each, scope, optional=optional)
            if found is not None:
                found.written = True
            self.asked[id(each)] = tuple(self._used_now)

    @_statement.register
    def _(self, node: nodes.For, scope: Scope, *, optional: bool) -> None:
        iterated = self._value(node.iter, scope, optional=optional)
        element = self._values.get(id(node.iter)) if iterated is None else iterated.element()
        inner = {**scope, "loop": None, **_targets(node.target, element)}
        if node.test is not None:
            self._value(node.test, inner, optional=True)
        self._body(node.body, inner, optional=optional)
        self._body(node.else_, dict(scope), optional=True)

    @_statement.register
    def _(self, node: nodes.If, scope: Scope, *, optional: bool) -> None:
        del optional
        self._value(node.test, scope, optional=True)
        for branch in (node.body, node.elif_, node.else_):
            # What a branch sets is set after it.
            self._body(branch, scope, optional=True)

    @_statement.register
    def _(self, node: nodes.Assign, scope: Scope, *, optional: bool) -> None:
        value = self._value(node.node, scope, optional=optional)
        if isinstance(node.target, nodes.Name):
            scope[node.target.name] = value
        else:
            scope.update(dict.fromkeys((each.name for each in node.target.find_all(nodes.Name)), None))

    @_statement.register
    def _(self, node: nodes.With, scope: Scope, *, optional: bool) -> None:
        inner = dict(scope)
        for target, value in zip(node.targets, node.values, strict=True):
            found = self._value(value, scope, optional=optional)
            inner |= {target.name: found} if isinstance(target, nodes.Name) else {}
        self._body(node.body, inner, optional=optional)

    @singledispatchmethod
    def _value(self, node: nodes.Node, scope: Scope, *, optional: bool) -> Wanted | None:
        """What of the payload an expression is; None for what it is not, after looking at what it is made of."""
        for each in node.iter_child_nodes():
            found = self._value(each, scope, optional=optional)
            if found is not None and isinstance(node, ARITHMETIC):
                found.kinds.add("number")
            if found is not None and isinstance(node, nodes.Concat):
                found.written = True
        return None

    @_value.register
    def _(self, node: nodes.Name, scope: Scope, *, optional: bool) -> Wanted | None:
        if node.name in scope or node.name in FUNCTIONS:
            if (known := scope.get(node.name)) is not None:
                self._use(known, node)
            return known
        return self._asked_for(self._root.child(node.name), node, optional=optional)

    @_value.register
    def _(self, node: nodes.Getattr, scope: Scope, *, optional: bool) -> Wanted | None:
        owner = self._owner(node.node, scope, optional=optional)
        return None if owner is None else self._asked_for(owner.child(node.attr), node, optional=optional)

    @_value.register
    def _(self, node: nodes.Getitem, scope: Scope, *, optional: bool) -> Wanted | None:
        owner = self._owner(node.node, scope, optional=optional)
        if isinstance(node.arg, nodes.Slice):
            self._value(node.arg, scope, optional=optional)
            return owner
        if owner is not None and isinstance(node.arg, nodes.Const):
            name = node.arg.value
            return self._asked_for(
                owner.child(name) if isinstance(name, str) else owner.element(), node, optional=optional
            )
        self._value(node.arg, scope, optional=optional)
        return None

    @_value.register
    def _(self, node: nodes.Call, scope: Scope, *, optional: bool) -> Wanted | None:
        for each in (*node.args, *node.kwargs, node.dyn_args, node.dyn_kwargs):
            if each is not None:
                self._value(each, scope, optional=optional)
        if not isinstance(node.node, nodes.Getattr):
            return None
        # A method of a value: what is asked for is the value.
        owner = self._value(node.node.node, scope, optional=optional)
        if owner is None:
            return None
        if node.node.attr in {"items", "keys", "values"}:
            if node.node.attr != "keys":
                self._values[id(node)] = owner.other()
            return None
        if node.node.attr == "get" and node.args and isinstance(node.args[0], nodes.Const):
            return self._asked_for(owner.child(str(node.args[0].value)), node, optional=True)
        owner.kinds.add("string")
        return None

    @_value.register
    def _(self, node: nodes.Filter, scope: Scope, *, optional: bool) -> Wanted | None:
        for each in (*node.args, *node.kwargs, node.dyn_args, node.dyn_kwargs):
            if each is not None:
                given = self._value(each, scope, optional=optional)
                if given is not None and node.name in DEFAULTING:
                    given.written = True
        found = self._value(node.node, scope, optional=optional or node.name in DEFAULTING) if node.node else None
        if found is None or node.name in DEFAULTING:
            return found
        if node.name in OF_NUMBERS | OF_TEXTS:
            found.kinds.add("number" if node.name in OF_NUMBERS else "string")
        elif node.name in SELECTING | CHOOSING | GATHERING:
            return self._of_array(node, found)
        elif node.name in {"dictsort", "items"}:
            self._values[id(node)] = found.other()
        return None

    @_value.register
    def _(self, node: nodes.Test, scope: Scope, *, optional: bool) -> Wanted | None:
        del optional
        for each in node.iter_child_nodes():
            self._value(each, scope, optional=True)
        return None

    @_value.register
    def _(self, node: nodes.CondExpr, scope: Scope, *, optional: bool) -> Wanted | None:
        del optional
        self._value(node.test, scope, optional=True)
        for each in (node.expr1, node.expr2):
            if each is not None and (found := self._value(each, scope, optional=True)) is not None:
                found.written = True
        return None

    def _of_array(self, node: nodes.Filter, found: Wanted) -> Wanted | None:
        element = found.element()
        member = _member(node)
        if member:
            named = element
            for name in member.split("."):
                named = self._asked_for(named.child(name), node, optional=node.name not in GATHERING)
            if node.name == "sum":
                named.kinds.add("number")
            named.written = named.written or node.name in GATHERING
        elif node.name in GATHERING:
            element.written = element.written or node.name == "join"
            element.kinds |= {"number"} if node.name == "sum" else set()
        if node.name in SELECTING:
            return found
        return element if node.name in CHOOSING else None

    def _owner(self, node: nodes.Node, scope: Scope, *, optional: bool) -> Wanted | None:
        """What something is asked of."""
        found = self._value(node, scope, optional=optional)
        if found is not None:
            self._used_now.pop(found.path, None)
        return found

    def _asked_for(self, found: Wanted, node: nodes.Node, *, optional: bool) -> Wanted:
        found.required = found.required or not optional
        self._use(found, node)
        return found

    def _use(self, found: Wanted, node: nodes.Node) -> None:
        found.uses[(self._source.part, self._source.paragraph(node.lineno), self._source.tag(node.lineno))] = None
        self._used_now[found.path] = None


def _targets(target: nodes.Node, element: Wanted | None) -> Mapping[str, Wanted | None]:
    """What the names of a loop are; of two, a name and a value, the second."""
    if isinstance(target, nodes.Name):
        return {target.name: element}
    names: list[str] = [each.name for each in target.find_all(nodes.Name)]
    return dict.fromkeys(names, None) | {names[-1]: element if element and element.path.endswith(".*") else None}


def _member(node: nodes.Filter) -> str:
    """The name of the member that a filter looks at."""
    given = next((each.value for each in node.kwargs if each.key == "attribute"), None)
    if given is None and node.args and node.name in BY_NAME_FIRST:
        given = node.args[0]
    return given.value if isinstance(given, nodes.Const) and isinstance(given.value, str) else ""
