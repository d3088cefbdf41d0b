"""What every proto file keeps to: it imports what it may, stands in order, and says what each element means."""

import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.api import descriptors

FILES = {file.name: file for file in descriptors.file_protos()}
GOOGLE = "google/"
RULES = "buf/validate/validate.proto"
OPTIONS = "qmcp/options/v1/"
ORDER = {"service": 0, "extension": 0, "message": 1, "enum": 2}
MIN_COMMENT = 3

every_file = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
OF_SERVICES = {name: file for name, file in FILES.items() if file.service}


@every_file
def test_a_file_stands_where_its_package_says(file: FileDescriptorProto) -> None:
    assert re.fullmatch(r"qmcp\.[a-z]+\.v1", file.package)
    assert file.name.rpartition("/")[0] == file.package.replace(".", "/")
    assert file.syntax == "proto3"


@every_file
def test_a_package_imports_itself_its_options_and_google_only(file: FileDescriptorProto) -> None:
    own = file.name.rpartition("/")[0] + "/"
    strange = [name for name in file.dependency if not name.startswith((own, OPTIONS, GOOGLE)) and name != RULES]
    assert not strange, "services name each other's resources by id, never by message"


@every_file
def test_every_element_says_what_it_means(file: FileDescriptorProto) -> None:
    silent = [e.name for e in descriptors.elements(file) if len(e.comment.split()) < 1]
    assert not silent
    terse = [
        e.name
        for e in descriptors.elements(file)
        if e.kind not in {"field", "oneof"}
        and len(e.comment.split()) < MIN_COMMENT
        # `The value that is never sent` needs no more than two words.
        and not e.name.endswith("_UNSPECIFIED")
    ]
    assert not terse


@every_file
def test_comments_are_sentences(file: FileDescriptorProto) -> None:
    wrong = [(e.name, e.comment) for e in descriptors.elements(file) if not e.comment.endswith((".", ":", "`"))]
    assert not wrong


@every_file
def test_a_file_stands_in_order(file: FileDescriptorProto) -> None:
    top = [
        e for e in descriptors.elements(file) if e.kind in ORDER and e.name.count(".") == file.package.count(".") + 1
    ]
    ranks = [ORDER[e.kind] for e in sorted(top, key=lambda e: e.line)]
    assert ranks == sorted(ranks), "services, then messages, then enums"


@pytest.mark.parametrize("file", OF_SERVICES.values(), ids=OF_SERVICES.keys())
def test_requests_stand_in_the_order_of_their_rpcs(file: FileDescriptorProto) -> None:
    used = [method.input_type.rpartition(".")[2] for method in file.service[0].method]
    stand = [message.name for message in file.message_type]
    first_use = [name for name in dict.fromkeys(used) if name in stand]
    assert [name for name in stand if name in used] == first_use


def test_every_service_declares_its_reasons_in_a_file_of_their_own() -> None:
    for service in descriptors.services():
        assert service.file.name.rpartition("/")[0] + "/error_reason.proto" in FILES
