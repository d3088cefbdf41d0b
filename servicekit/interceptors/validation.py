"""Checks a request against the buf.validate rules of its proto, all faults at once, and names against their paths."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc.aio import ServicerContext
from protovalidate import ValidationError, Validator

from servicekit import deep_json, path_names
from servicekit.errors import Violation, invalid_argument
from servicekit.interceptors import Handler
from servicekit.json_values import require_few
from servicekit.large import LARGE_BYTES, beside
from servicekit.methods import Method
from servicekit.outlines import outline
from servicekit.request_context import RequestContext
from servicekit.unreadable import Unreadable


def require_valid(message: Message) -> None:
    """Checks a message that came as text within a request against the rules of its proto.

    Raises:
        ServiceError: INVALID_REQUEST, with every fault.
    """
    try:
        _shared().validate(outline(message))
    except ValidationError as error:
        raise _refusal(_violations(error)) from None


def validation(method: Method, handler: Handler) -> Handler:
    validate = _validator(method)
    may_have_texts = any(deep_json.fields_of(method.request_class.DESCRIPTOR))
    if method.client_streaming:
        return _of_each(validate, handler)

    def with_validation(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        if isinstance(request, Unreadable):
            call.sent = request.sent
            raise request.refusal()
        if may_have_texts and deep_json.are_sent(request):
            return validate_with_texts(request, context, call)
        if call.large_bytes:
            return validate_large(request, context, call)
        validate(request)
        return handler(request, context, call)

    async def validate_with_texts(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        call.sent = call.sent or request.SerializeToString()
        await beside(call.large_bytes, deep_json.take, request)
        return await validate_large(request, context, call)

    async def validate_large(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        await beside(call.large_bytes, _validate_large, validate, request)
        return await handler(request, context, call)

    return with_validation


def _of_each(validate: Callable[[Any], None], handler: Handler) -> Handler:
    """Checks each request of a stream when it is read."""

    async def validated(requests: AsyncIterable[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            if isinstance(request, Unreadable):
                raise request.refusal()
            if (size := request.ByteSize()) >= LARGE_BYTES:
                await beside(size, _validate_large, validate, request)
            else:
                validate(request)
            yield request

    def with_each_validated(
        requests: AsyncIterable[Any], context: "ServicerContext[Any, Any]", call: RequestContext
    ) -> Awaitable[Any]:
        return handler(validated(requests), context, call)

    return with_each_validated


@cache
def _shared() -> Validator:
    """One for all methods: each takes 16 ms with its first message, for the rules of all that this one refers to."""
    return Validator()


def _validate_large(validate: Callable[[Any], None], request: Any) -> None:
    require_few(request)
    validate(outline(request))


def _validator(method: Method) -> Callable[[Any], None]:
    validator = _shared()
    names = path_names.checks_of(
        descriptor_pool.Default().FindServiceByName(method.service), method.request_class.DESCRIPTOR
    )

    def validate(request: Any) -> None:
        try:
            _validate(validator, request)
        except ValidationError as error:
            raise _refusal(_violations(error)) from None
        if names is not None and (faults := names(request)):
            raise _refusal(faults)

    return validate


def _validate(validator: Validator, request: Any) -> None:
    try:
        validator.validate(request)
    except ValidationError:
        raise
    except ValueError:
        # For some rules it reads the message anew, from bytes, and goes 100 messages deep.
        validator.validate(outline(request))


def _violations(error: ValidationError) -> list[Violation]:
    return [Violation(_path(violation.proto.field), violation.proto.message) for violation in error.violations]


def _refusal(violations: list[Violation]) -> Exception:
    first = violations[0]
    return invalid_argument("INVALID_REQUEST", f"{first.field or 'request'} {first.description}.", violations)


def _path(path: Any) -> str:
    """`tool.tags[0]`, `tool.labels[key]`."""
    steps = []
    for element in path.elements if path else ():
        subscript = f"[{element.subscript.value}]" if element.subscript else ""
        steps.append(element.field_name + subscript)
    return ".".join(steps)
