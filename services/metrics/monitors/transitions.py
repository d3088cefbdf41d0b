"""When the state of a monitor changes: beyond the limit, within the recovery limit, between them, without values."""

from services.metrics.monitors.models import FIRING, NO_DATA, OK, Condition, Definition, Standing


def next_standing(definition: Definition, standing: Standing, value: float | None) -> Standing:
    """How a monitor stands after an evaluation.

    Between the limits nothing changes, and evaluations in a row are counted anew: that keeps a value that trembles
    about a limit from making it fire again and again. What fired recovers at its recovery limit alone, also where it
    had no values meanwhile: until that, or until it is beyond the limit again, it stays `no_data`.

    Args:
        definition: of the monitor.
        standing: before.
        value: what was found; None where there were no values.
    """
    wanted = _wanted(definition, standing, value)
    if wanted in ("", standing.state):
        return Standing(standing.state, unrecovered=standing.unrecovered)
    streak = standing.streak + 1 if wanted == standing.streak_state else 1
    if streak < _needed(definition, standing, wanted):
        return Standing(standing.state, streak, wanted, standing.unrecovered)
    return Standing(wanted, unrecovered=wanted == FIRING or (standing.unrecovered and wanted == NO_DATA))


def judged_by(condition: Condition, state: str) -> float:
    """The limit that a state is entered by."""
    return condition.recovery_limit if state == OK else condition.limit


def _wanted(definition: Definition, standing: Standing, value: float | None) -> str:
    """The state that an evaluation speaks for; empty where for none."""
    if value is None:
        return {"no_data": NO_DATA, "fire": FIRING, "ok": OK, "keep": ""}[definition.on_no_data]
    condition = definition.condition
    sign = 1 if condition.comparison == "above" else -1
    if sign * value > sign * condition.limit:
        return FIRING
    # What has not fired has nothing to recover from.
    if not standing.unrecovered or sign * value <= sign * condition.recovery_limit:
        return OK
    return ""


def _needed(definition: Definition, standing: Standing, wanted: str) -> int:
    """How many evaluations in a row it takes."""
    if wanted == FIRING:
        return definition.breaches
    return definition.recoveries if standing.unrecovered and wanted == OK else 1
