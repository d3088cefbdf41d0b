"""No document that any service takes may hold more values than one may, over gRPC as over HTTP."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from servicekit.json_values import FREE_TYPES, MAX_VALUES
from tests.contract.running import Running
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS

pytestmark = pytest.mark.asyncio(loop_scope="module")


def documents(described: Descriptor, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a request holds free JSON."""
    for field in described.fields:
        inner = field.message_type
        if inner is None or field.is_repeated:
            continue
        if inner.full_name in FREE_TYPES:
            yield (*path, field.name)
        elif inner.full_name.startswith("qmcp."):
            yield from documents(inner, (*path, field.name))


PLACES = [
    pytest.param(subject, method.name, path, id=f"{subject.name}-{method.name}-{'.'.join(path)}")
    for subject in SUBJECTS
    for method in subject.service.methods
    if not method.client_streaming and not method.server_streaming
    for path in documents(method.input_type)
]


@pytest.mark.parametrize(("subject", "name", "path"), PLACES)
async def test_a_document_of_too_many_values_is_refused(
    shared: Running, subject: Subject, name: str, path: tuple[str, ...]
) -> None:
    many = Value(list_value=ListValue(values=[Value(bool_value=True)] * MAX_VALUES))
    request: Any = shared.request(name)
    target = request
    for step in path:
        target = getattr(target, step)
    target.CopyFrom(many if isinstance(target, Value) else Struct(fields={"enum": many}))
    refused = await shared.refused(name, request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    if isinstance(target, Struct):
        assert "50,000 values" in refused.message
