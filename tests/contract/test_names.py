"""A name that its client chooses and that stands in paths is one that its path leads back to, or is refused with a reason."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from qmcp.options.v1 import options_pb2

from servicekit.path_names import fault_of
from tests.contract.running import Answer, Running
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS

LOST = ["..", ".", "a/../b", "./a", "a//b", "/a", "a/", "/", "a\\b", "a\x00", "a\nb", "a\x7f", "a\x85b"]
OPERATIONS = [":invoke", "a:wait", "a::cancel", "team:export"]
FOUND = [
    "a",
    "a.b",
    "...",
    "a-b_c",
    "a b",
    "a+b",
    "100%",
    "a%2Fb",
    "%2e%2e",
    "größe",
    "日本",
    "a:b",
    "a:",
    "a?b#c",
    "a;b",
    "{a}",
    "*",
]


def marked(message: Descriptor, before: str = "") -> Iterator[str]:
    """The fields with such a name, in a request or in what it carries."""
    for field in message.fields:
        if field.GetOptions().Extensions[options_pb2.path_name]:
            yield before + field.name
        elif field.message_type is not None and not field.is_repeated and not before:
            yield from marked(field.message_type, f"{field.name}.")


CREATIONS = [
    pytest.param(subject, method, field, id=f"{subject.name}-{method.name}")
    for subject in SUBJECTS
    for method in subject.service.methods
    if method.name in subject.effects
    for field in marked(method.input_type)
]


def named(subject: Subject, method: MethodDescriptor, field: str, name: str) -> Any:
    """What creates something of this name."""
    request: Any = subject.effects[method.name].request(1)
    *outer, last = field.split(".")
    holder = request
    for step in outer:
        holder = getattr(holder, step)
    setattr(holder, last, name)
    return request


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("subject", "method", "field"), CREATIONS)
async def test_a_name_that_no_path_leads_to_is_refused(
    shared: Running, subject: Subject, method: MethodDescriptor, field: str
) -> None:
    for name in (*LOST, *OPERATIONS):
        refused = await shared.refused(method.name, named(subject, method, field, name))
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), name
        assert field in refused.fields


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("subject", "method", "field"), CREATIONS)
async def test_a_name_is_taken_as_it_is_or_refused_by_its_field(
    shared: Running, subject: Subject, method: MethodDescriptor, field: str
) -> None:
    for name in FOUND:
        answer = await shared.call(method.name, named(subject, method, field, name))
        if isinstance(answer, Answer):
            assert getattr(answer.message, field.rpartition(".")[2]) == name
        else:
            assert (answer.reason, field in answer.fields) == ("INVALID_REQUEST", True), name


def test_only_a_path_of_several_segments_takes_a_slash() -> None:
    assert "slash" in fault_of("team/42", has_slashes=False)
    assert fault_of("team/42", has_slashes=True) == ""
    assert [name for name in LOST if not fault_of(name, has_slashes=True)] == []
    assert [name for name in FOUND if fault_of(name, has_slashes=False)] == []
