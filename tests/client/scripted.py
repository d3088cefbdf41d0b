"""Services whose answers a test writes down beforehand, to see what the client does with them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from qmcp.hitl.v1 import hitl_service_pb2_grpc
from qmcp.tools.v1 import tools_service_pb2_grpc

Answer = Callable[[Any, grpc.ServicerContext], Any]


class Refuse(Exception):  # noqa: N818 - it is an answer
    """An answer that is an error with details."""

    def __init__(
        self, code: grpc.StatusCode, reason: str = "", *, retry_after: float | None = None, field: str = ""
    ) -> None:
        details: list[Any] = []
        if reason:
            metadata = {"request_id": "1234abcd"}
            details.append(error_details_pb2.ErrorInfo(reason=reason, domain="tools.qmcp", metadata=metadata))
        if field:
            violation = error_details_pb2.BadRequest.FieldViolation(field=field, description="is wrong")
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        if retry_after is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(round(retry_after * 1000))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        self.status = status_pb2.Status(code=code.value[0], message="No.")
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            self.status.details.append(packed)
        self.code = code
        self.has_details = bool(details)


class Scripted(tools_service_pb2_grpc.ToolsServiceServicer, hitl_service_pb2_grpc.HitlServiceServicer):
    """Each RPC takes its next answer from `answers[method]`: a message, a list of them for a stream, or a Refuse."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, Any]] = []

    def next(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        answer = self.answers[method].pop(0)
        if isinstance(answer, Refuse):
            self.refuse(answer, context)
        return answer

    def refuse(self, answer: Refuse, context: grpc.ServicerContext) -> None:
        if answer.has_details:
            context.set_trailing_metadata((("grpc-status-details-bin", answer.status.SerializeToString()),))
        context.abort(answer.code, answer.status.message)


def _unary(method: str) -> Any:
    return lambda self, request, context: self.next(method, request, context)


def _stream(method: str) -> Any:
    def answer(self: Scripted, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        for message in self.next(method, request, context):
            if isinstance(message, Refuse):
                self.refuse(message, context)
            yield message

    return answer


for _name in ("InvokeTool", "GetTool", "ListTools", "DeleteTool", "GetInvocation", "ListInvocations"):
    setattr(Scripted, _name, _unary(_name))
for _name in ("CreateHumanRequest", "GetHumanRequest", "CreateHumanResponse", "WaitForResponse", "CreateActionLink"):
    setattr(Scripted, _name, _unary(_name))
for _name in ("WatchInvocation", "ExportInvocations", "WatchHumanRequests"):
    setattr(Scripted, _name, _stream(_name))


@contextmanager
def serving(servicer: Scripted) -> Iterator[str]:
    """The address at which the servicer answers."""
    server = grpc.server(ThreadPoolExecutor(4))
    tools_service_pb2_grpc.add_ToolsServiceServicer_to_server(servicer, server)
    hitl_service_pb2_grpc.add_HitlServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
