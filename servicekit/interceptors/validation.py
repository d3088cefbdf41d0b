"""Checks a request against the buf.validate rules of its proto, all faults at once."""

from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext
from protovalidate import ValidationError, Validator

from servicekit.errors import Violation, invalid_argument
from servicekit.interceptors import Handler
from servicekit.methods import Method
from servicekit.request_context import RequestContext


def validation(method: Method, handler: Handler) -> Handler:
    if method.client_streaming:
        return handler
    validator = Validator()

    def with_validation(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        if request is None:
            expected = method.request_class.DESCRIPTOR.full_name
            raise invalid_argument("INVALID_REQUEST", f"The bytes that were sent are no {expected}.")
        try:
            validator.validate(request)
        except ValidationError as error:
            raise _refusal(error) from None
        return handler(request, context, call)

    return with_validation


def _refusal(error: ValidationError) -> Exception:
    violations = [Violation(_path(violation.proto.field), violation.proto.message) for violation in error.violations]
    first = violations[0]
    return invalid_argument("INVALID_REQUEST", f"{first.field or 'request'} {first.description}.", violations)


def _path(path: Any) -> str:
    """`tool.tags[0]`, `tool.labels[key]`."""
    steps = []
    for element in path.elements if path else ():
        subscript = f"[{element.subscript.value}]" if element.subscript else ""
        steps.append(element.field_name + subscript)
    return ".".join(steps)
