"""A plug-in package as a user would write one: tools of every form, well and badly behaved."""

import asyncio
import math
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from services.tools.plugins import ApprovalPolicy, ToolContext, tool

# What ran, for the tests that count: the argument `key` of every run.
ran: list[str] = []


@tool(name="acme/add", output_schema={"type": "integer"})
def add(a: int, b: int = 1) -> int:
    """Adds two numbers, in a thread."""
    return a + b


@tool()
async def counted(key: str, seconds: float = 0, status: Literal["ok", "bad"] = "ok") -> str:
    """Notes that it ran, and takes its time."""
    ran.append(key)
    await asyncio.sleep(seconds)
    return status


@tool(title="Guarded", approval=ApprovalPolicy())
async def guarded(key: str, seconds: float = 0) -> str:
    """Runs when a human has approved it."""
    ran.append(key)
    await asyncio.sleep(seconds)
    return key


@tool(approval=ApprovalPolicy("when", {"properties": {"amount": {"exclusiveMinimum": 100}}, "required": ["amount"]}))
async def pay(amount: float) -> float:
    """Pays; large amounts when a human has approved them."""
    ran.append(f"paid {amount:g}")
    return amount


@tool(
    input_schema={"type": "object"},
    approval=ApprovalPolicy(
        "when", {"properties": {"amount": {"type": "number", "minimum": 100}}, "required": ["amount"]}
    ),
)
async def pay_by_default(amount: float = 500) -> float:
    """Pays; large amounts when a human has approved them."""
    return amount


@tool(max_concurrency=1, approval=ApprovalPolicy(required=2, groups=("board",), timeout_seconds=600, four_eyes=True))
async def voted(key: str, seconds: float = 0) -> str:
    """Runs one at a time, when two have approved it."""
    ran.append(key)
    await asyncio.sleep(seconds)
    return key


@tool(max_concurrency=1)
async def narrow(seconds: float = 0) -> str:
    """Runs once at a time."""
    ran.append("narrow")
    await asyncio.sleep(seconds)
    return "done"


@tool(timeout_seconds=1)
async def slow(seconds: float = 30) -> str:
    """Has a second, and sleeps longer."""
    await asyncio.sleep(seconds)
    return "late"


@tool(timeout_seconds=1)
def slow_in_thread() -> None:
    """Has a second, and cannot be stopped."""
    time.sleep(1.3)


_four = threading.Barrier(4)


@tool()
def meeting() -> None:
    """Ends when four run at once."""
    _four.wait(30)


@tool()
async def steps(count: int, context: ToolContext) -> int:
    """Reports each step."""
    for number in range(1, count + 1):
        await context.report(number, count, f"step {number}")
        await asyncio.sleep(0.11)
    return count


@tool(input_schema={"type": "object"})
def in_thread() -> str:
    """Says in which thread it runs."""
    return threading.current_thread().name


class Place(BaseModel):
    name: str
    seen: datetime


@dataclass
class Point:
    x: int
    y: float


RESULTS: dict[str, Any] = {
    "model": Place(name="here", seen=datetime(2026, 11, 21, tzinfo=UTC)),
    "dataclass": Point(1, 2.5),
    "tuple": (1, "a"),
    "set of one": {1},
    "nothing": None,
    "float": 0.1,
    "zero": "a\0b",
    "an object": object(),
    "a big integer": 2**60,
    "not a number": math.nan,
    "infinity": math.inf,
    "a lone surrogate": "\ud800",
    "a key that is no string": {(1, 2): 3},
}
RESULTS["a cycle"] = []
RESULTS["a cycle"].append(RESULTS["a cycle"])


@tool()
def returns(what: str) -> Any:
    """Returns a result of some kind."""
    return RESULTS[what]


@tool()
def nested(levels: int, objects: bool = False) -> Any:
    """Returns a document that is nested this deeply."""
    document: Any = 1
    for _ in range(levels):
        document = {"a": document} if objects else [document]
    return document


@tool(output_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
async def promised(n: Any = None) -> Any:
    """Returns what it is given, and has promised an integer."""
    return {"n": n}


RAISED: dict[str, BaseException] = {
    "error": ValueError("the cause"),
    "exit": SystemExit(3),
    "stop": StopIteration("the end"),
    "timeout": TimeoutError("its own"),
    "os": FileNotFoundError("no such file"),
    "cancelled": asyncio.CancelledError(),
    "zero": ValueError("a\0b"),
    "surrogate": ValueError("\udcff.txt"),
    "long": ValueError("x" * 100_000),
    "interrupt": KeyboardInterrupt("pressed"),
    "base": BaseException("all at once"),
    "recursion": RecursionError("too deep"),
}


@tool()
def raises(what: str) -> None:
    """Raises, in a thread."""
    raise RAISED[what]


@tool()
async def raises_on_the_loop(what: str) -> None:
    """Raises, on the loop."""
    raise RAISED[what]
