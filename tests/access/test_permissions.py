"""Every RPC of every service demands its permission, before anything is looked up: of the built-in roles and of every permission alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from servicekit.methods import Method, methods_of
from services.access.roles import BUILT_IN
from tests.access import environment as environments
from tests.access.environment import ACCESS, Access, Files, code, with_key
from tests.api import descriptors
from tests.contract.running import Refusal, Running, connected, request_class
from tests.contract.subjects import SUBJECTS
from tests.stack import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = tuple(subject.service for subject in SUBJECTS)
METHODS = [method for service in SERVICES for method in methods_of(service)]
ALONE = sorted({method.permission for method in METHODS})
_numbers = count(1)


def grants(permissions: tuple[str, ...], wanted: str) -> bool:
    """What the documentation says, written once more: `*`, `<service>.*`, itself; `self` and `anyone` everybody may."""
    service, _, verb = wanted.partition(".")
    return verb in ("self", "anyone") or bool({"*", f"{service}.*", wanted} & set(permissions))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files.made(tmp_path_factory.mktemp("keys"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def access(postgres: Server, files: Files) -> AsyncIterator[Access]:
    async with postgres.database("access") as url, environments.access(url, files) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(
    postgres: Server, access: Access, files: Files, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Running]]:
    """Every service by its name."""
    found = {ACCESS.full_name: access.running}
    async with AsyncExitStack() as exits:
        for subject in SUBJECTS:
            if subject.service is not ACCESS:
                url = await exits.enter_async_context(postgres.database(subject.name))
                own = subject.variables(tmp_path_factory.mktemp(subject.name))
                settings = subject.settings(database_url=url, **files.of_service(access.port), **own)
                server = await exits.enter_async_context(subject.compose(settings))
                running = await exits.enter_async_context(connected(subject.service, server.port))
                found[subject.service.full_name] = running
        yield found


async def outcome(environment: dict[str, Running], method: Method, key: str) -> str:
    async with asyncio.timeout(60):
        while True:
            answer = await code(environment[method.service], method.name, with_key(key))
            # On a busy machine access may not have said in time who calls, and as many calls are made at once as one may
            # have; whoever is told so calls again.
            if answer not in {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}:
                return answer


async def test_every_service_of_the_contract_is_here() -> None:
    assert {service.full_name for service in descriptors.services()} == {service.full_name for service in SERVICES}


@pytest.mark.promise("Q40")
@pytest.mark.parametrize("role", BUILT_IN, ids=lambda role: role.name)
async def test_a_built_in_role_opens_exactly_what_it_grants(
    access: Access, environment: dict[str, Running], role: Any
) -> None:
    key = (await access.key(role.name)).api_key
    for method in METHODS:
        answer = await outcome(environment, method, key)
        assert answer not in {"UNAUTHENTICATED", "UNAVAILABLE", "INTERNAL", "UNKNOWN"}, (method.path, answer)
        assert (answer != "PERMISSION_DENIED") == grants(role.permissions, method.permission), (method.path, answer)


@pytest.mark.parametrize("permission", ["tools.*", "access.*", "hitl.*", "toolsx.read", *ALONE])
async def test_a_permission_alone_opens_exactly_its_rpcs(
    access: Access, environment: dict[str, Running], permission: str
) -> None:
    role = f"alone-{next(_numbers)}"
    await access.role(role, permission)
    key = (await access.key(role)).api_key
    answers = await asyncio.gather(*(outcome(environment, method, key) for method in METHODS))
    for method, answer in zip(METHODS, answers, strict=True):
        assert (answer != "PERMISSION_DENIED") == grants((permission,), method.permission), (method.path, answer)


async def test_nobody_without_a_credential_reaches_any_rpc_but_links_and_what_says_that_the_board_is_well(
    environment: dict[str, Running],
) -> None:
    open_ = {method.name for method in METHODS if method.permission.endswith(".anyone")}
    assert open_ == {"ShowActionLink", "AnswerActionLink", "ShowUnsubscribe", "Unsubscribe", "GetBoardHealth"}
    for method in METHODS:
        answer = await code(environment[method.service], method.name, {})
        # A link that is none; a board that is well.
        expected = {"GetBoardHealth": "OK"}.get(method.name, "INVALID_ARGUMENT")
        assert answer == (expected if method.name in open_ else "UNAUTHENTICATED"), method.path


def by_id(service: ServiceDescriptor) -> list[tuple[MethodDescriptor, str]]:
    """The RPCs that name a resource, with the field that does."""
    return [
        (method, field)
        for method in service.methods
        for field in ("id", "name")
        if field in method.input_type.fields_by_name and not method.server_streaming
    ]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_a_refusal_says_nothing_of_what_exists(
    access: Access, environment: dict[str, Running], service: ServiceDescriptor
) -> None:
    """The same to the letter for what exists, what does not, and what breaks the rules."""
    issued = await access.key("ingest")
    key = with_key(issued.api_key)
    running = environment[service.full_name]
    for method, field in by_id(service):
        if method.name == "WhoAmI":
            continue
        denials = []
        for value in (issued.key.id, "echo", "agent", "nothing-like-it", "x" * 5_000, "\0"):
            answer = await running.call(method.name, request_class(method)(**{field: value}), key)
            assert isinstance(answer, Refusal)
            denials.append(
                (answer.code.name, answer.reason, answer.message, answer.fields, answer.metadata["permission"])
            )
        assert len(set(denials)) == 1, method.name
        assert denials[0][0] == "PERMISSION_DENIED"
