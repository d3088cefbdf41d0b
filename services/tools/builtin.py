"""The built-in tools: echo, planner, executor and reviewer, with the inputs and outputs of the original QMCP.

They are deterministic and use no model: fixtures for agents under development, and for trying the platform.
"""

from typing import Any

from services.tools.plugins import Annotations, tool

HARMLESS = Annotations(read_only=True, idempotent=True)

STEPS = (
    ("Analyze requirements", "Break the goal down into what must hold at the end"),
    ("Identify dependencies", "Find what each part needs before it can begin"),
    ("Create execution order", "Put the parts into an order that respects the dependencies"),
    ("Validate plan", "Check that the plan reaches the goal"),
)


@tool(
    title="Echo",
    annotations=HARMLESS,
    version="1.0.0",
    input_schema={
        "type": "object",
        "properties": {"message": {"type": "string", "description": "The message to echo back"}},
        "required": ["message"],
    },
    output_schema={"type": "string"},
)
async def echo(message: str, **_: Any) -> str:
    """Returns the message it was given."""
    return message


@tool(
    title="Planner",
    annotations=HARMLESS,
    version="1.0.0",
    input_schema={
        "type": "object",
        "properties": {
            "goal": {"type": "string", "description": "The goal to plan for"},
            "context": {"type": ["string", "null"], "description": "Additional context to review first"},
        },
        "required": ["goal"],
    },
)
async def planner(goal: str, context: str | None = None, **_: Any) -> dict[str, Any]:
    """Makes a plan of steps for a goal."""
    steps: list[dict[str, Any]] = [
        {"step": number, "action": action, "description": f"{description}: {goal}"}
        for number, (action, description) in enumerate(STEPS, start=1)
    ]
    if context:
        # Between the first and the second step, numbered so that theirs stay as they are.
        steps.insert(1, {"step": 1.5, "action": "Review context", "description": f"Take into account: {context}"})
    return {"goal": goal, "steps": steps, "estimated_steps": len(steps)}


@tool(
    title="Executor",
    version="1.0.0",
    input_schema={
        "type": "object",
        "properties": {
            "plan": {"type": "object", "description": "A plan, as the planner makes it"},
            "dry_run": {"type": ["boolean", "null"], "default": True, "description": "Simulate only"},
        },
        "required": ["plan"],
    },
)
async def executor(plan: dict[str, Any], dry_run: bool | None = True, **_: Any) -> dict[str, Any]:
    """Walks through the steps of a plan and reports each as simulated or completed."""
    steps = plan.get("steps", [])
    # Null is as good as absent, here as in the others: callers that fill every argument send it.
    simulated = dry_run is None or dry_run
    results = [
        {
            "step": step.get("step", number),
            "action": step.get("action", "unknown"),
            "status": "simulated" if simulated else "completed",
        }
        for number, step in enumerate(steps, start=1)
    ]
    return {
        "mode": "dry_run" if simulated else "live",
        "steps_executed": len(results),
        "results": results,
        "success": True,
    }


@tool(
    title="Reviewer",
    annotations=HARMLESS,
    version="1.0.0",
    input_schema={
        "type": "object",
        "properties": {
            "result": {"type": "object", "description": "The result to review"},
            "criteria": {
                "type": ["array", "null"],
                "items": {"type": "string"},
                "description": "What to check; completeness and correctness where it is left out",
            },
        },
        "required": ["result"],
    },
)
async def reviewer(result: dict[str, Any], criteria: list[str] | None = None, **_: Any) -> dict[str, Any]:
    """Reviews a result against criteria."""
    asked = ["completeness", "correctness"] if criteria is None else criteria
    checks = [{"criterion": criterion, "status": "passed", "notes": f"Evaluated {criterion}"} for criterion in asked]
    return {
        "reviewed_result": result,
        "checks": checks,
        "overall_status": "approved",
        "recommendation": "Proceed with the result",
    }
