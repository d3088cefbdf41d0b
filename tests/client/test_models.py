"""The generated models hold all that the messages of the contract hold, both ways, and the contract says what is repeated."""

import dataclasses
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from qmcp.access.v1 import access_service_pb2
from qmcp.client import Key
from qmcp.client.calling import rpcs
from qmcp.client.calling.conversion import from_message, to_message
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.options.v1 import options_pb2
from qmcp.tools.v1 import tools_service_pb2

from tests.architecture import tree
from tests.assertions import every

SERVICES = [name for name in tree.services() if f"client/qmcp/client/{name}/models.py" in tree.files()]
MODELS = {
    f"{service}.{name}": (service, name)
    for service in SERVICES
    for name, kind in vars(import_module(f"qmcp.client.{service}.models")).items()
    if dataclasses.is_dataclass(kind)
}
# What the models leave out: signs of life and errors of a stream, and the originals' names.
LEFT_OUT = {"heartbeat", "error"}
SCALARS: dict[str, Any] = {"str": "text", "int": 7, "float": 0.5, "bool": True, "bytes": b"raw"}


def message_of(service: str, name: str) -> type[Message]:
    import_module(f"qmcp.{service}.v1.{service}_service_pb2")
    return GetMessageClass(Default().FindMessageTypeByName(f"qmcp.{service}.v1.{name}"))


def filled(message: Any, depth: int = 0) -> Any:
    """The message with a value in every field that a model has; of a oneof, the first."""
    for field in message.DESCRIPTOR.fields:
        given = getattr(message, field.name)
        if field.GetOptions().Extensions[options_pb2.json_of]:
            # What stands for another field stands there alone.
            continue
        is_other_choice = field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name)
        if is_other_choice or depth > 3:
            continue
        if field.message_type is None:
            value = SCALARS[type(field.default_value).__name__] if not field.is_repeated else ["a", "b"]
            given.extend(value) if field.is_repeated else setattr(message, field.name, value)
        elif field.message_type.GetOptions().map_entry:
            fill_map(given, field.message_type.fields_by_name["value"], depth)
        elif field.is_repeated:
            filled(given.add(), depth + 1)
        elif field.message_type.full_name == "google.protobuf.Timestamp":
            given.FromMilliseconds(1_795_791_600_123)
        elif field.message_type.full_name == "google.protobuf.Struct":
            given.update({"n": 1, "list": [None, 0.5, "x"]})
        elif field.message_type.full_name == "google.protobuf.Value":
            given.struct_value.update({"ok": True})
        else:
            filled(given, depth + 1)
    return message


def fill_map(items: Any, of_value: Any, depth: int) -> None:
    if of_value.message_type is None:
        items.update({"key": SCALARS[type(of_value.default_value).__name__]})
    else:
        filled(items["key"], depth + 1)


def without_what_models_leave_out(message: Any) -> Any:
    for field, value in message.ListFields():
        if field.GetOptions().deprecated or (field.name in LEFT_OUT and message.DESCRIPTOR.name == "InvocationEvent"):
            message.ClearField(field.name)
        elif field.message_type and field.message_type.full_name.startswith("qmcp."):
            parts = value if field.is_repeated else [value]
            for part in [] if field.message_type.GetOptions().map_entry else parts:
                without_what_models_leave_out(part)
    return message


@every(MODELS)
def test_a_model_keeps_all_of_its_message(model: tuple[str, str]) -> None:
    service, name = model
    kind = getattr(import_module(f"qmcp.client.{service}.models"), name)
    message = filled(message_of(service, name)())
    value = from_message(kind, message)
    assert to_message(value, type(message)()) == without_what_models_leave_out(message)


@every(MODELS)
def test_a_model_of_an_empty_message_is_the_empty_model(model: tuple[str, str]) -> None:
    service, name = model
    kind = getattr(import_module(f"qmcp.client.{service}.models"), name)
    assert from_message(kind, message_of(service, name)()) == kind()


def test_a_secret_is_not_in_the_text_of_a_value() -> None:
    issued = import_module("qmcp.client.access.models").IssuedKey(key=Key(id="k1"), api_key="qmcp_k1_hidden")
    assert "k1" in repr(issued)
    assert "hidden" not in repr(issued)


@pytest.mark.parametrize(
    ("request_", "repeatable"),
    [
        (tools_service_pb2.GetToolRequest(name="echo"), True),
        (tools_service_pb2.VerifyReceiptsRequest(), True),
        (tools_service_pb2.InvokeToolRequest(name="echo"), False),
        (tools_service_pb2.InvokeToolRequest(name="echo", idempotency_key="k"), True),
        (tools_service_pb2.DeleteToolRequest(name="echo"), False),
        (tools_service_pb2.CancelInvocationRequest(id="i"), False),
        (access_service_pb2.RevokeKeyRequest(id="k"), True),
        (hitl_service_pb2.UpdateWebhookRequest(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_be_sent_twice_is_what_the_contract_says(request_: Any, repeatable: bool) -> None:
    assert rpcs.of(request_.DESCRIPTOR).repeatable(request_) is repeatable


def test_a_request_that_no_rpc_takes_is_refused() -> None:
    with pytest.raises(LookupError, match="RotateTool"):
        rpcs.of(tools_service_pb2.GetToolRequest.DESCRIPTOR, "RotateTool")
