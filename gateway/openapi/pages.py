"""The operations that no RPC stands behind: what gateway.web answers."""

from typing import Any


def _get(operation_id: str, summary: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": summary, "content": {media_type: {"schema": schema}}}
    named = {"operationId": operation_id, "tags": ["Edge"], "summary": summary}
    # Nobody needs a credential for these.
    return {"get": {**named, "security": [], "responses": {"200": answer}}}


_HEALTH: dict[str, Any] = {
    "type": "object",
    "required": ["status", "version"],
    "properties": {
        "status": {"type": "string", "enum": ["healthy", "unhealthy"]},
        "version": {"type": "string"},
        "services": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Those that are not ready, and how they answered. Absent when all are.",
        },
    },
}
_FIGURE: dict[str, Any] = {"type": ["number", "null"]}
_SUMMED: dict[str, Any] = {"type": "object", "properties": {"count": _FIGURE, "sum": _FIGURE}}


def _by_name(figure: dict[str, Any]) -> dict[str, Any]:
    by_labels = {
        "type": "object",
        "additionalProperties": figure,
        "description": 'By labels, in order of names: `status="success",tool="echo"`; empty where there are none.',
    }
    return {"type": "object", "additionalProperties": by_labels}


_FIGURES: dict[str, Any] = {
    "type": "object",
    "required": ["counters", "gauges", "histograms"],
    "properties": {
        "counters": _by_name(_FIGURE),
        "gauges": _by_name(_FIGURE),
        "histograms": _by_name(_SUMMED),
    },
}

PAGES: dict[str, dict[str, Any]] = {
    "/health": _get("Health", "Whether every service is ready", "application/json", _HEALTH),
    "/metrics": _get(
        "Metrics", "The figures of all services, as Prometheus reads them", "text/plain", {"type": "string"}
    ),
    "/metrics/json": _get("MetricsJson", "The same figures as JSON", "application/json", _FIGURES),
}
PAGES["/health"]["get"]["responses"]["503"] = {
    "description": "A service is not ready; `services` names it.",
    "content": {"application/json": {"schema": _HEALTH}},
}
