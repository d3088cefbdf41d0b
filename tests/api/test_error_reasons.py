"""Reasons of errors: what a service gives is declared, what is declared is given, and each says what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import EnumValueDescriptor
from qmcp.options.v1 import options_pb2

from tests.api import descriptors

ROOT = descriptors.ROOT
PREFIX = "ERROR_REASON_"
SERVICES = [service.file.package.split(".")[1] for service in descriptors.services()]
COMMON_PREFIX = "COMMON_REASON_"
# Calls whose first argument is a reason; ServiceError has it second.
GIVERS = {"invalid_argument", "not_found", "already_exists", "failed_precondition", "aborted", "exhausted", "forbidden"}
WORD = re.compile(r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")
# What the comment of a reason begins with that no call fails with.
OUTCOME = re.compile(r"^On an? (successful|failed|cancelled|rejected|expired) invocation: ")

every_service = pytest.mark.parametrize("service", SERVICES)


@every_service
def test_every_reason_that_is_given_is_declared(service: str) -> None:
    given = {reason for path in _sources(service) for reason in _given(path)}
    assert given <= _declared(service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_that_all_services_give_is_declared(service: str) -> None:
    sources = "".join(path.read_text() for path in (*_sources(service), *(ROOT / "servicekit").rglob("*.py")))
    # What neither the service nor another part of servicekit imports (schemas) gives nothing in its name.
    used = [path for path in (ROOT / "servicekit").rglob("*.py") if re.search(rf"servicekit.*\b{path.stem}\b", sources)]
    shared = {reason for path in used for reason in _given(path)}
    assert shared <= _declared(service), "servicekit gives it in the name of every service that uses it"


@every_service
def test_every_declared_reason_is_given_somewhere(service: str) -> None:
    words = {word for path in (*_sources(service), *(ROOT / "servicekit").rglob("*.py")) for word in _words(path)}
    messages = (each for each in descriptors.messages() if each.file.package == f"qmcp.{service}.v1")
    edited = any("etag" in message.fields_by_name for message in messages)
    # Of the common ones this is about what people edit, which not every service has.
    assert _declared(service) - (set() if edited else {"ETAG_MISMATCH"}) <= words


@every_service
def test_the_common_reasons_have_the_same_numbers_everywhere(service: str) -> None:
    common = _common()
    assert {name: number for name, number in _numbers(service).items() if number <= len(common)} == common


def test_each_common_reason_has_its_code() -> None:
    file = descriptors.pool().FindFileByName("qmcp/options/v1/common_reason.proto")
    for value in file.enum_types_by_name["CommonReason"].values[1:]:
        assert descriptors.code(value) != "OK", value.name


@every_service
def test_each_reason_of_its_own_has_its_code_or_says_what_it_is_the_outcome_of(service: str) -> None:
    file = next(f for f in descriptors.file_protos() if f.name == f"qmcp/{service}/v1/error_reason.proto")
    comments = {element.name.rpartition(".")[2]: element.comment for element in descriptors.elements(file)}
    assert len(_values(service)) >= len(_common())
    for value in _values(service):
        if value.number > len(_common()):
            comment = comments[value.name]
            assert (descriptors.code(value) == "OK") == bool(OUTCOME.match(comment)), comment
            assert len(comment.split()) > 4, comment


@every_service
def test_rpcs_name_reasons_that_are_declared_and_all_of_them(service: str) -> None:
    named = {
        reason
        for method in descriptors.methods()
        if method.full_name.startswith(f"qmcp.{service}.")
        for reason in descriptors.declared(method, options_pb2.error_reason)
    }
    assert named == {
        value.name.removeprefix(PREFIX)
        for value in _values(service)
        if value.number > len(_common()) and descriptors.code(value) != "OK"
    }


@every_service
def test_comments_name_only_reasons_that_are_declared(service: str) -> None:
    declared = _declared(service)
    for file in descriptors.file_protos():
        if file.package != f"qmcp.{service}.v1":
            continue
        for element in descriptors.elements(file):
            # NOT_FOUND/`TOOL_NOT_FOUND`: the code, then the reason.
            named = set(re.findall(r"[A-Z_]+/`([A-Z_]+)`", element.comment))
            assert named <= declared, element.name


def _declared(service: str) -> set[str]:
    return set(_numbers(service))


def _numbers(service: str) -> dict[str, int]:
    return {value.name.removeprefix(PREFIX): value.number for value in _values(service)}


def _values(service: str) -> list[EnumValueDescriptor]:
    """Those that may be sent."""
    file = descriptors.pool().FindFileByName(f"qmcp/{service}/v1/error_reason.proto")
    return list(file.enum_types_by_name["ErrorReason"].values[1:])


def _common() -> dict[str, int]:
    file = descriptors.pool().FindFileByName("qmcp/options/v1/common_reason.proto")
    values = file.enum_types_by_name["CommonReason"].values[1:]
    return {value.name.removeprefix(COMMON_PREFIX): value.number for value in values}


def _sources(service: str) -> list[Path]:
    return sorted((ROOT / "services" / service).rglob("*.py"))


def _given(path: Path) -> Iterator[str]:
    """The reasons in calls that make an error, and in `error_reason=` and `.reason =`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(reason)), *_]) if name in GIVERS:
                yield reason
            case ast.Call(func=ast.Name(id="ServiceError"), args=[_, ast.Constant(value=str(reason)), *_]):
                yield reason
            case ast.keyword(arg="error_reason", value=ast.Constant(value=str(reason))) if reason:
                yield reason
            case ast.Assign(targets=[ast.Attribute(attr="reason")], value=ast.Constant(value=str(reason))):
                yield reason
            case _:
                pass


def _words(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value):
            yield node.value
