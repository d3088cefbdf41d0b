"""Names that clients choose and that stand in paths are declared, so that each comes back by its path or is refused."""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from qmcp.options.v1 import options_pb2

from tests.api import descriptors

VARIABLE = re.compile(r"\{([a-z_.]+)(?:=[^}]*)?\}")
# Clients send these back as they got them.
MADE_BY_THE_SERVER = {
    *("qmcp.hitl.v1.Contact.id", "qmcp.hitl.v1.Webhook.id"),
    *("qmcp.metrics.v1.Monitor.id", "qmcp.tools.v1.Grant.id"),
}


def templates(method: MethodDescriptor) -> Iterator[str]:
    """The routes of an RPC."""
    first = descriptors.http(method)
    for rule in (first, *first.additional_bindings):
        if pattern := rule.WhichOneof("pattern"):
            yield getattr(rule, pattern)


def fields(message: Descriptor, before: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """The texts of a request and of what it carries, by path."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield before + field.name, field
        elif field.message_type is not None and not field.is_repeated and not before:
            yield from fields(field.message_type, f"{field.name}.")


def chosen(method: MethodDescriptor) -> Iterator[FieldDescriptor]:
    """What a Create takes that routes below its own name, and what an Update takes by its path."""
    own = next(templates(method))
    for path, field in fields(method.input_type):
        if method.name.startswith("Update"):
            # What its Create does not take, the server has made.
            creates = method.containing_service.methods_by_name.get(method.name.replace("Update", "Create", 1))
            is_chosen = path in VARIABLE.findall(own) and (creates is None or path in dict(fields(creates.input_type)))
        else:
            below = [each for other in method.containing_service.methods for each in templates(other)]
            named = {name for each in below if each.startswith(f"{own}/{{") for name in VARIABLE.findall(each)[:1]}
            is_chosen = path.rpartition(".")[2] in {name.rpartition(".")[2] for name in named}
        if is_chosen and field.full_name not in MADE_BY_THE_SERVER:
            yield field


NAMES = [
    pytest.param(field, id=f"{method.name}-{field.full_name}")
    for method in descriptors.methods()
    if method.name.startswith(("Create", "Update"))
    for field in chosen(method)
]


@pytest.mark.parametrize("field", NAMES)
def test_a_name_that_a_client_chooses_and_a_path_holds_is_declared(field: FieldDescriptor) -> None:
    assert descriptors.marked(field, options_pb2.path_name)


def test_what_the_server_makes_says_so() -> None:
    comments = {each.name: each.comment for file in descriptors.file_protos() for each in descriptors.elements(file)}
    assert [name for name in MADE_BY_THE_SERVER if "made by the server" not in comments[name]] == []
