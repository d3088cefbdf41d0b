"""The original QMCP's client, kept for code that was written against it: HTTP, and dicts with the original's fields.

New code uses `qmcp.client.Client`.
"""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from qmcp.client import address, errors

_GONE = 410
_TEXTS = ("error", "correlation_id")
# The originals' fields of a human request, of the answer to its creation, and of a response.
_ASKED = ("id", "request_type", "prompt", "status", "created_at", "expires_at")
_REQUEST = (*_ASKED, "options", "context", "timeout_seconds", "correlation_id")
_ANSWERED = ("id", "request_id", "response", "responded_by", "created_at")
_RESPONSE = (*_ANSWERED, "response_metadata")
_MAX_POLL_SECONDS = 300
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
        self._seconds = timeout
        self._http = httpx.Client(
            base_url=base_url or address.resolve().url,
            timeout=timeout,
            verify=address.trust(),
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

    def create_human_request(
        self,
        request_id: str,
        request_type: str,
        prompt: str,
        options: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int = 3600,
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        """`{id, request_type, prompt, status, created_at, expires_at}`; ConflictError where the id is taken."""
        body: dict[str, Any] = {
            "id": request_id,
            "request_type": request_type,
            "prompt": prompt,
            "context": dict(context or {}),
            "timeout_seconds": timeout_seconds,
        }
        if options:
            body["options"] = list(options)
        if correlation_id:
            body["correlation_id"] = correlation_id
        return _fields(self._call("POST", "/v1/human/requests", json=body), _ASKED)

    def get_human_request(self, request_id: str) -> dict[str, Any]:
        """`{request, response}`; the response is None as long as nobody has answered."""
        found = self._call("GET", f"/v1/human/requests/{quote(request_id, safe='')}")
        response = found.get("response")
        return {
            "request": _fields(found["request"], _REQUEST),
            "response": _fields(response, _RESPONSE) if response else None,
        }

    def submit_human_response(
        self,
        request_id: str,
        response: str,
        responded_by: str | None = None,
        response_metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """`{id, request_id, response, responded_by, created_at}`.

        ConflictError where it has been answered, RequestExpiredError where its time is up, InvalidRequestError where
        the response is none of the options.
        """
        body: dict[str, Any] = {
            "request_id": request_id,
            "response": response,
            "response_metadata": dict(response_metadata or {}),
        }
        if responded_by:
            body["responded_by"] = responded_by
        return _fields(self._call("POST", "/v1/human/responses", json=body), _ANSWERED)

    def wait_for_human_response(
        self, request_id: str, timeout: float = 3600, poll_interval: float = 5.0
    ) -> dict[str, Any]:
        """The response, as soon as it is there; RequestExpiredError where the request ended without one.

        The service answers a poll when the request ends, at the latest after `poll_interval` seconds. After `timeout`
        seconds in all, DeadlineExceededError.
        """
        until = time.monotonic() + timeout
        while True:
            seconds = max(1, min(round(poll_interval), int(until - time.monotonic()), _MAX_POLL_SECONDS))
            waited = self._call(
                "GET",
                f"/v1/human/requests/{quote(request_id, safe='')}:wait",
                params={"timeout_seconds": seconds},
                timeout=seconds + self._seconds,
            )
            if waited.get("done"):
                return _response(waited["requests"][0])
            if time.monotonic() >= until:
                sentence = f"Nobody has answered {request_id} in the time given."
                raise errors.DeadlineExceededError(errors.Refusal("DEADLINE_EXCEEDED", sentence))

    def request_human_approval(
        self,
        request_id: str,
        prompt: str,
        options: Sequence[str] = ("approve", "reject"),
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int = 3600,
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        """Asks for an approval, waits, and returns the response."""
        self.create_human_request(request_id, "approval", prompt, options, context, timeout_seconds, correlation_id)
        # The service says when its time is up; a little later it has said so.
        return self.wait_for_human_response(request_id, timeout_seconds + self._seconds)

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


def _fields(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """These fields of a row; what is empty is an empty object or null, as the original had it."""
    nothing: dict[str, Any] = {"context": {}, "response_metadata": {}, "options": None, "correlation_id": None}
    return {name: (row.get(name) or nothing[name]) if name in nothing else row.get(name) for name in names}


def _response(request: Mapping[str, Any]) -> dict[str, Any]:
    """The response of a request that has ended."""
    if request.get("status") == "responded":
        return _fields(request["response"], _RESPONSE)
    sentence = f"The human request {request['id']} is {request.get('status')}; nobody has answered it."
    raise errors.RequestExpiredError(errors.Refusal("FAILED_PRECONDITION", sentence))


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
