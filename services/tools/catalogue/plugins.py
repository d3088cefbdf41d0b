"""Tools that are Python functions: the decorator that marks them, and how installed packages offer them.

A package names a module in the entry point group `qmcp.tools`; every function in it that `@tool` marks is registered
when the service starts. Built-in tools come in by the same way.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Protocol, TypeVar

from pydantic import ConfigDict, create_model

from services.tools.models import Annotations, ApprovalPolicy, Json, Tool

GROUP = "qmcp.tools"
BUILTIN_MODULE = "services.tools.builtin"
MARK = "__qmcp_tool__"
JSON_TYPES = (str, int, float, bool, list, dict)

Function = TypeVar("Function", bound=Callable[..., Any])


class ToolContext(Protocol):
    """What a running tool may tell. A function that wants it has a parameter annotated `ToolContext`."""

    async def report(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Says how far it has come; watchers of the invocation see it. At most ten reports a second are kept."""


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A marked function and its definition."""

    definition: Tool
    function: Callable[..., Any]
    # The name of the parameter that takes the ToolContext; empty where there is none.
    context_parameter: str
    is_async: bool

    def complete(self, arguments: dict[str, Json]) -> dict[str, Json]:
        """The arguments with the function's own defaults, as far as JSON has them, for those that are left out."""
        parameters = inspect.signature(self.function).parameters.values()
        defaults = {each.name: each.default for each in parameters if isinstance(each.default, JSON_TYPES)}
        return defaults | arguments

    async def __call__(self, arguments: dict[str, Json], context: ToolContext) -> Json:
        """Runs it: an async function on the loop, a plain one in a thread."""
        if self.context_parameter:
            arguments = {**arguments, self.context_parameter: context}
        if self.is_async:
            return await self.function(**arguments)
        return await asyncio.to_thread(self._in_thread, arguments)

    def _in_thread(self, arguments: dict[str, Any]) -> Any:
        try:
            return self.function(**arguments)
        except StopIteration as error:
            # A future cannot carry it: whoever waits would wait until the timeout.
            raise RuntimeError("the function raised StopIteration") from error


def tool(
    *,
    name: str = "",
    title: str = "",
    description: str = "",
    input_schema: Json = None,
    output_schema: Json = None,
    annotations: Annotations | None = None,
    version: str = "",
    tags: Sequence[str] = (),
    timeout_seconds: int = 0,
    max_concurrency: int = 0,
    approval: ApprovalPolicy | None = None,
) -> Callable[[Function], Function]:
    """Marks a function as a tool.

    The arguments of an invocation are its keyword arguments, its return value is the result, and an exception fails
    the invocation. A plain function cannot be stopped once it runs; where a timeout must hold, write an async one.

    Args:
        name: what it is invoked by; the function's name where it is left out.
        title: what a person reads.
        description: for the model that chooses; the docstring where it is left out.
        input_schema: JSON Schema of the arguments; derived from the signature where it is left out.
        output_schema: JSON Schema of the result.
        annotations: hints about its behaviour.
        version: the owner's version.
        tags: words to find it by.
        timeout_seconds: how long a run may take; 0 means 30.
        max_concurrency: runs of one replica at a time; 0 means no limit.
        approval: when humans must approve a run, and which; never where it is left out.
    """

    def mark(function: Function) -> Function:
        context_parameter = _context_parameter(function)
        definition = Tool(
            name=name or function.__name__,
            kind="plugin",
            title=title,
            description=description or inspect.getdoc(function) or "",
            input_schema=input_schema or _derived_schema(function, context_parameter),
            output_schema=output_schema,
            annotations=annotations or Annotations(),
            version=version,
            tags=tuple(tags),
            timeout_seconds=timeout_seconds,
            max_concurrency=max_concurrency,
            approval=approval,
        )
        setattr(
            function, MARK, FunctionTool(definition, function, context_parameter, inspect.iscoroutinefunction(function))
        )
        return function

    return mark


def load() -> dict[str, FunctionTool]:
    """Every marked function of every installed package, by name.

    Raises:
        ValueError: when two of them have the same name.
    """
    found: dict[str, FunctionTool] = {}
    for entry in entry_points(group=GROUP):
        module = entry.load()
        for function_tool in marked(module):
            name = function_tool.definition.name
            if name in found:
                raise ValueError(f"Two plug-ins offer a tool named {name!r}; the second is {entry.value}")
            found[name] = function_tool
    return found


def marked(module: ModuleType) -> Iterable[FunctionTool]:
    """The marked functions of a module, in the order they stand in."""
    for function in vars(module).values():
        function_tool = getattr(function, MARK, None)
        if isinstance(function_tool, FunctionTool):
            yield function_tool


def _context_parameter(function: Callable[..., Any]) -> str:
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.annotation is ToolContext:
            return parameter.name
    return ""


def _derived_schema(function: Callable[..., Any], context_parameter: str) -> Json:
    fields: dict[str, Any] = {
        parameter.name: (
            Any if parameter.annotation is parameter.empty else parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.name != context_parameter
    }
    model = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    schema = model.model_json_schema()
    schema.pop("title", None)
    return schema
