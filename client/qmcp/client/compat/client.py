"""The original's methods over HTTP."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from qmcp.client import address, errors
from qmcp.client.compat.answers import AnsweredRequest, HumanRequest, HumanResponse, Row, ToolDefinition, ToolResult
from qmcp.client.errors import RequestExpiredError

_GONE = 410
_ROW = (
    *("id", "tool_name", "input_params", "result", "error", "status", "duration_ms", "created_at", "completed_at"),
    "correlation_id",
)
_TOOL = ("name", "description", "input_schema")
_CALLED = ("result", "error", "invocation_id")
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
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class WaitTimeoutError(errors.DeadlineExceededError, TimeoutError):
    """Nobody has answered in the time that the caller gave; the question stands."""


class MCPClient:
    """The original's methods over HTTP.

    Raises ToolNotFoundError, RequestExpiredError, ConflictError or another MCPClientError; what an answer causes is an
    `httpx.HTTPStatusError` too, and what a connection causes an `httpx.TransportError`.
    """

    def __init__(self, base_url: str | None = None, timeout: float = 30.0) -> None:
        """`timeout` is in seconds; without a `base_url` the environment says where QMCP is."""
        key = address.api_key()
        self.base_url = (base_url or address.resolve().url).rstrip("/")
        self.timeout = timeout
        self._client = httpx.Client(
            base_url=self.base_url,
            timeout=timeout,
            verify=address.trust(),
            headers={"x-api-key": key} if key else {},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def health(self) -> Row:
        """`{status, version}`."""
        return Row(self._call("GET", "/health"))

    def list_tools(self) -> list[ToolDefinition]:
        """`{name, description, input_schema}` of every tool."""
        tools: list[ToolDefinition] = []
        token = ""
        while True:
            page = self._call("GET", "/v1/tools", params={"page_size": 500, "page_token": token})
            tools += [ToolDefinition(**_fields(tool, _TOOL)) for tool in page["tools"]]
            token = page["next_page_token"]
            if not token:
                return tools

    def invoke_tool(
        self,
        tool_name: str,
        input_params: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> ToolResult:
        """Runs a tool; one that fails is an answer with `error`, not an exception."""
        body = {"input": dict(input_params or {}), **_given({"correlation_id": correlation_id})}
        called = self._call("POST", f"/v1/tools/{quote(tool_name)}", json=body)
        return ToolResult(**_fields(called, _CALLED))

    def list_invocations(
        self,
        tool_name: str | None = None,
        status: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Row]:
        """Rows of the audit, newest first."""
        # Whole, as the original's were.
        filters = {"tool_name": tool_name, "status": status, "limit": limit, "offset": offset, "view": "full"}
        page = self._call("GET", "/v1/invocations", params=_given(filters))
        return [_invocation(row) for row in page["invocations"]]

    def get_invocation(self, invocation_id: str) -> Row:
        """One row of the audit."""
        return _invocation(self._call("GET", f"/v1/invocations/{quote(invocation_id, safe='')}"))

    def create_human_request(
        self,
        request_id: str,
        request_type: str,
        prompt: str,
        options: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int = 3600,
        correlation_id: str | None = None,
    ) -> HumanRequest:
        """`{id, request_type, prompt, status, created_at, expires_at}`; ConflictError where the id is taken."""
        beside = {"options": list(options or ()), "context": dict(context or {}), "correlation_id": correlation_id}
        body = {
            "id": request_id,
            "request_type": request_type,
            "prompt": prompt,
            "timeout_seconds": timeout_seconds,
            **_given(beside),
        }
        return HumanRequest(**_fields(self._call("POST", "/v1/human/requests", json=body), _ASKED))

    def get_human_request(self, request_id: str) -> AnsweredRequest:
        """`request, response`; the response is None as long as nobody has answered."""
        found = self._call("GET", f"/v1/human/requests/{quote(request_id, safe='')}")
        response = found["response"]
        return AnsweredRequest(
            HumanRequest(**_fields(found["request"], _REQUEST)),
            HumanResponse(**_fields(response, _RESPONSE)) if response else None,
        )

    def submit_human_response(
        self,
        request_id: str,
        response: str,
        responded_by: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> HumanResponse:
        """`{id, request_id, response, responded_by, created_at}`.

        ConflictError where it has been answered, RequestExpiredError where its time is up, InvalidRequestError where
        the response is none of the options.
        """
        beside = _given({"responded_by": responded_by, "response_metadata": dict(metadata or {})})
        body = {"request_id": request_id, "response": response, **beside}
        return HumanResponse(**_fields(self._call("POST", "/v1/human/responses", json=body), _ANSWERED))

    def wait_for_human_response(
        self, request_id: str, poll_interval: float = 5.0, timeout: float | None = None
    ) -> HumanResponse:
        """The response, as soon as it is there.

        RequestExpiredError where the request ended without one: its time was up, or it was cancelled. WaitTimeoutError
        after `timeout` seconds; None waits as long as the request may take. The service answers a poll when the request
        ends, at the latest after `poll_interval` seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = poll_interval if until is None else min(poll_interval, until - time.monotonic())
            found = self._look(request_id, left)
            if found.response is not None:
                return found.response
            if found.request.status != "pending":
                sentence = f"The human request {request_id} is {found.request.status}; nobody has answered it."
                raise RequestExpiredError(errors.Refusal("FAILED_PRECONDITION", sentence))
            if until is not None and time.monotonic() >= until:
                sentence = f"Nobody has answered {request_id} in the time given."
                raise WaitTimeoutError(errors.Refusal("DEADLINE_EXCEEDED", sentence))

    def wait_for_response(self, request_id: str, timeout: float = 3600, poll_interval: float = 2.0) -> HumanResponse:
        """`wait_for_human_response` under the name, and with the parameters, of the original's guide."""
        return self.wait_for_human_response(request_id, poll_interval, timeout)

    def request_human_approval(
        self,
        request_id: str,
        prompt: str,
        options: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int = 3600,
        poll_interval: float = 5.0,
        wait_timeout: float | None = None,
        correlation_id: str | None = None,
    ) -> HumanResponse:
        """Asks for an approval, waits, and returns the response; errors are those of both."""
        self.create_human_request(request_id, "approval", prompt, options, context, timeout_seconds, correlation_id)
        return self.wait_for_human_response(request_id, poll_interval, wait_timeout)

    def _look(self, request_id: str, seconds: float) -> AnsweredRequest:
        """How a request stands, once it has ended or about so many seconds are over."""
        whole = min(int(seconds), _MAX_POLL_SECONDS)
        if whole >= 1:
            path = f"/v1/human/requests/{quote(request_id, safe='')}:wait"
            self._call("GET", path, params={"timeout_seconds": whole}, timeout=whole + self.timeout)
        found = self.get_human_request(request_id)
        if whole < 1 and found.request.status == "pending":
            # The service waits for whole seconds.
            time.sleep(max(seconds, 0.0))
            found = self.get_human_request(request_id)
        return found

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as broken:
            raise _of_transport(broken, str(self._client.base_url)) from broken
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise _of_answer(answer)
        body: dict[str, Any] = answer.json()
        return body


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something; the original sent none that are empty either."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _fields(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def _invocation(row: Mapping[str, Any]) -> Row:
    """A row with the original's fields."""
    return Row(_fields(row, _ROW) | {"status": _STATUSES.get(row["status"], row["status"])})


def _of_transport(broken: httpx.TransportError, base_url: str) -> errors.QmcpError:
    if isinstance(broken, httpx.TimeoutException):
        kind: type[errors.QmcpError] = errors.DeadlineExceededError
        refusal = errors.Refusal("DEADLINE_EXCEEDED", "No answer in time.")
    else:
        kind = errors.UnavailableError
        refusal = errors.Refusal("UNAVAILABLE", f"QMCP does not answer at {base_url}: {broken}")
    error: Any = _both(kind, type(broken))(refusal)
    error.request = broken.request
    raised: errors.QmcpError = error
    return raised


def _of_answer(answer: httpx.Response) -> errors.QmcpError:
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
            for item in detail.get("field_violations") or ()
        ),
        request_id=answer.headers.get("x-request-id", ""),
        correlation_id=answer.headers.get("x-correlation-id", ""),
    )
    kind = RequestExpiredError if answer.status_code == _GONE else type(errors.from_refusal(refusal))
    error: Any = _both(kind, httpx.HTTPStatusError)(refusal)
    error.request, error.response = answer.request, answer
    raised: errors.QmcpError = error
    return raised


def _both(kind: Any, of_httpx: Any) -> Any:
    """An error that is one of httpx too: code that was written against it may catch either."""
    return type(kind.__name__, (kind, of_httpx), {"__doc__": kind.__doc__, "__module__": kind.__module__})
