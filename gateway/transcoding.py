"""The contract as Envoy's transcoder sees it: bodies and answers in JSON go through as they are.

The transcoder alone would drop unknown fields, take malformed JSON, round large integers and stop 30 levels deep. Here
it binds path and query, and puts the body into one field that all requests with a body get (TranscodedBody of our
options); servicekit.http_json reads it where the fields are known, and writes the answer.
"""

from collections.abc import Iterator

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from qmcp.options.v1 import options_pb2

BODY = options_pb2.TranscodedBody.DESCRIPTOR.fields_by_name["body"]
FIELD = "transcoded_body"
RAW = f".{HttpBody.DESCRIPTOR.full_name}"
RAW_FILE = HttpBody.DESCRIPTOR.file.name


def for_transcoder(contract: FileDescriptorSet) -> FileDescriptorSet:
    """The same services and routes, without comments, with bodies that are passed on."""
    seen = FileDescriptorSet()
    # What is imported must stand before what imports it, and now more files import this one.
    for file in sorted(contract.file, key=lambda file: not file.name.startswith("google/")):
        seen.file.append(file)
    messages = {f".{file.package}.{each.name}": each for file in seen.file for each in file.message_type}
    for method in (each for file in seen.file for service in file.service for each in service.method):
        rules = [*_rules(method)]
        if method.input_type != RAW and any(
            rule.body and not _is_raw(messages[method.input_type], rule.body) for rule in rules
        ):
            _give_body(messages[method.input_type])
            for rule in rules:
                rule.body = FIELD if rule.body else ""
        # Whatever may be got may be asked for its head alone.
        for template in [rule.get for rule in rules if rule.get]:
            rules[0].additional_bindings.add(custom={"kind": "HEAD", "path": template})
        if rules:
            method.output_type = RAW
    for file in seen.file:
        file.ClearField("source_code_info")
        uses = any(each.type_name == RAW for message in file.message_type for each in message.field) or file.service
        if uses and RAW_FILE not in file.dependency:
            file.dependency.append(RAW_FILE)
    return seen


def _rules(method: MethodDescriptorProto) -> Iterator[HttpRule]:
    if method.options.HasExtension(annotations_pb2.http):
        first = method.options.Extensions[annotations_pb2.http]
        yield first
        yield from first.additional_bindings


def _is_raw(message: DescriptorProto, body: str) -> bool:
    return any(field.name == body and field.type_name == RAW for field in message.field)


def _give_body(message: DescriptorProto) -> None:
    if not any(field.number == BODY.number for field in message.field):
        message.field.append(
            FieldDescriptorProto(
                name=FIELD,
                number=BODY.number,
                type=FieldDescriptorProto.TYPE_MESSAGE,
                label=FieldDescriptorProto.LABEL_OPTIONAL,
                type_name=RAW,
            )
        )
