"""The original QMCP's client, kept for code that was written against it: HTTP, and dicts with the original's fields.

New code uses `qmcp.client.Client`.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from qmcp.client import address, errors

_GONE = 410
_TEXTS = ("error", "correlation_id")
# The original knew three statuses; its callers compare with these.
_STATUSES = {
    "awaiting_approval": "pending",
    "running": "pending",
    "cancelled": "failed",
    "rejected": "failed",
    "expired": "failed",
}
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    410: "FAILED_PRECONDITION",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class MCPClient:
    """The original's methods over HTTP. Raises ToolNotFoundError, RequestExpiredError, ConflictError or QmcpError."""

    def __init__(self, base_url: str | None = None, timeout: float = 30) -> None:
        """`timeout` is in seconds; without a `base_url` the environment says where QMCP is."""
        key = address.api_key()
        self._http = httpx.Client(
            base_url=base_url or address.resolve().url,
            timeout=timeout,
            headers={"x-api-key": key} if key else {},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def health(self) -> dict[str, Any]:
        """`{status, version}`."""
        return self._call("GET", "/health")

    def list_tools(self) -> list[dict[str, Any]]:
        """`{name, description, input_schema}` of every tool."""
        tools: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self._call("GET", "/v1/tools", params={"page_size": 500, "page_token": token})
            tools += [
                {
                    "name": tool["name"],
                    "description": tool.get("description", ""),
                    "input_schema": tool.get("input_schema") or {},
                }
                for tool in page.get("tools", [])
            ]
            token = page.get("next_page_token", "")
            if not token:
                return tools

    def invoke_tool(
        self,
        tool_name: str,
        input_params: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        """`{result, error, invocation_id}`; a tool that fails is an answer with `error`, not an exception."""
        body: dict[str, Any] = {"input": dict(input_params or {})}
        if correlation_id:
            body["correlation_id"] = correlation_id
        return self._call("POST", f"/v1/tools/{quote(tool_name)}", json=body)

    def list_invocations(
        self,
        tool_name: str | None = None,
        status: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows of the audit, newest first."""
        filters = {"tool_name": tool_name, "status": status, "limit": limit, "offset": offset}
        given = {name: value for name, value in filters.items() if value}
        return [_original(row) for row in self._call("GET", "/v1/invocations", params=given).get("invocations", [])]

    def get_invocation(self, invocation_id: str) -> dict[str, Any]:
        """One row of the audit."""
        return _original(self._call("GET", f"/v1/invocations/{quote(invocation_id, safe='')}"))

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TimeoutException as late:
            raise errors.DeadlineExceededError(errors.Refusal("DEADLINE_EXCEEDED", "No answer in time.")) from late
        except httpx.TransportError as broken:
            sentence = f"QMCP does not answer at {self._http.base_url}: {broken}"
            raise errors.UnavailableError(errors.Refusal("UNAVAILABLE", sentence)) from broken
        if answer.is_error:
            raise _error(answer)
        body: dict[str, Any] = answer.json()
        return body


def _original(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the original's fields, null where there is nothing."""
    status = row.get("status", "")
    return {
        "id": row["id"],
        "tool_name": row.get("tool_name", ""),
        "input_params": row.get("input_params"),
        "result": row.get("result"),
        "status": _STATUSES.get(status, status),
        "duration_ms": row.get("duration_ms"),
        "created_at": row.get("created_at"),
        "completed_at": row.get("completed_at"),
        **{name: row.get(name) or None for name in _TEXTS},
    }


def _error(answer: httpx.Response) -> errors.QmcpError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    details: list[Mapping[str, Any]] = body.get("details") or [] if isinstance(body, dict) else []
    message = body.get("message") if isinstance(body, dict) else None
    refusal = errors.Refusal(
        code=_CODES.get(answer.status_code, "UNKNOWN"),
        message=message or f"QMCP answered {answer.status_code} {answer.reason_phrase}.",
        reason=next((detail["reason"] for detail in details if "reason" in detail), ""),
        metadata=next((detail["metadata"] for detail in details if "metadata" in detail), {}),
        field_violations=tuple(
            errors.FieldViolation(item.get("field", ""), item.get("description", ""))
            for detail in details
            for item in detail.get("field_violations") or detail.get("fieldViolations") or ()
        ),
        request_id=answer.headers.get("x-request-id", ""),
        correlation_id=answer.headers.get("x-correlation-id", ""),
    )
    return errors.RequestExpiredError(refusal) if answer.status_code == _GONE else errors.from_refusal(refusal)
