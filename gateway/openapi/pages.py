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
_FIGURES: dict[str, Any] = {
    "type": "object",
    "required": ["counters", "gauges", "histograms"],
    "properties": {
        "counters": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "gauges": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "histograms": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"count": {"type": ["number", "null"]}, "sum": {"type": ["number", "null"]}},
            },
        },
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
