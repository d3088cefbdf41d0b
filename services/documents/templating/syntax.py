"""Which Jinja a template may use: what is not on these lists is refused by its syntax tree, before it runs."""

from collections.abc import Iterator

from jinja2 import nodes

# No blocks, macros, calls of them, filters over blocks, includes, imports, and no word on escaping: each of these would
# take output away from where it is escaped, bounded and told.
ALLOWED_NODES = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.With, nodes.Assign,
    nodes.Name, nodes.NSRef, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call, nodes.Filter, nodes.Test,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Concat, nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos,
})  # fmt: skip
# Without those that make markup of values, depend on chance, show what Python is like inside, or look attributes up.
FILTERS = frozenset({
    "abs", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "filesizeformat", "first",
    "float", "format", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject",
    "rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title", "trim",
    "truncate", "unique", "upper", "wordcount", "wordwrap",
})  # fmt: skip
TESTS = frozenset({
    "boolean", "defined", "divisibleby", "even", "false", "float", "in", "integer", "iterable", "lower", "mapping",
    "none", "number", "odd", "sameas", "sequence", "string", "true", "undefined", "upper",
    "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", ">=", "ge", "<", "lt", "lessthan", "<=", "le",
})  # fmt: skip
FUNCTIONS = frozenset({"range", "namespace"})
TEXT_METHODS = frozenset({
    "capitalize", "count", "endswith", "find", "lower", "lstrip", "replace", "rstrip", "split", "startswith", "strip",
    "title", "upper", "zfill",
})  # fmt: skip
RECORD_METHODS = frozenset({"get", "items", "keys", "values"})
ARRAY_METHODS = frozenset({"count", "index"})
LOOP_METHODS = frozenset({"changed", "cycle"})
METHODS = TEXT_METHODS | RECORD_METHODS | ARRAY_METHODS | LOOP_METHODS
LOOP = frozenset({
    "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0",
})  # fmt: skip
# What Jinja makes of these names is no value of the payload.
RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})


def faults(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    """What is not allowed in a tree, each with its line; 0 where that is not known."""
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for node in tree.find_all(nodes.Node):
        if fault := _fault(node):
            yield fault, node.lineno or 0
        elif isinstance(node, nodes.Name) and node.name in FUNCTIONS and id(node) not in called:
            yield f"{node.name!r} is to be called", node.lineno


def _fault(node: nodes.Node) -> str:
    match node:
        case _ if type(node) not in ALLOWED_NODES:
            return f"A template has no {type(node).__name__.lower()}"
        case nodes.For(recursive=True):
            return "A loop is not recursive"
        case nodes.Filter(name=name) if node.node is None or name not in FILTERS:
            return f"There is no filter {name!r} here"
        case nodes.Test(name=name) if name not in TESTS:
            return f"There is no test {name!r} here"
        case nodes.Getattr(attr=name) | nodes.Name(name=name) if name in RESERVED or name.startswith("_"):
            return f"{name!r} is no name of a value"
    return _call_fault(node) if isinstance(node, nodes.Call) else ""


def _call_fault(node: nodes.Call) -> str:
    called = node.node
    if isinstance(called, nodes.Name) and called.name in FUNCTIONS:
        return ""
    if isinstance(called, nodes.Getattr) and called.attr in METHODS:
        return ""
    name = (
        called.name if isinstance(called, nodes.Name) else called.attr if isinstance(called, nodes.Getattr) else "This"
    )
    return f"{name!r} is nothing that a template may call"
