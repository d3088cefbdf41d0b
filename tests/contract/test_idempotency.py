"""Every RPC that takes an idempotency_key has its effect once, however often it is called."""

import asyncio
from itertools import count

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from tests.contract.running import Answer, Running
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS

in_the_loop_of_the_module = pytest.mark.asyncio(loop_scope="module")

EFFECTS = [pytest.param(subject, name, id=f"{subject.name}-{name}") for subject in SUBJECTS for name in subject.effects]
every_effect = pytest.mark.parametrize(("subject", "name"), EFFECTS)
every_repeated_effect = pytest.mark.parametrize(
    ("subject", "name"), [effect for effect in EFFECTS if effect.values[0].effects[effect.values[1]].repeats]
)


# A body and the one after it belong to one test: all tests of a service share it, and none may meet another's.
_numbers = count(1, 2)


@pytest_asyncio.fixture(loop_scope="module")
async def prepared(shared: Running, subject: Subject, name: str) -> Running:
    """The service with what the effect needs."""
    prepare = subject.effects[name].prepare
    if prepare is not None:
        await prepare(shared)
    return shared


@pytest.fixture
def number() -> int:
    return next(_numbers)


@pytest.fixture
def once(number: int) -> str:
    """An idempotency key of the test's own."""
    return f"once-{number}"


def body(subject: Subject, name: str, number: int, idempotency_key: str = "") -> Message:
    effect = subject.effects[name]
    request = effect.request(number)
    if idempotency_key:
        setattr(request, effect.field, idempotency_key)
    return request


def test_every_rpc_with_a_request_id_is_here() -> None:
    for subject in SUBJECTS:
        with_id = {m.name for m in subject.service.methods if "idempotency_key" in m.input_type.fields_by_name}
        assert with_id == set(subject.effects)


@every_effect
@in_the_loop_of_the_module
async def test_the_same_id_with_the_same_body_gets_the_first_answer(
    prepared: Running, subject: Subject, name: str, number: int, once: str
) -> None:
    identity = subject.effects[name].identity
    first = await prepared.must(name, body(subject, name, number, once))
    again = await prepared.must(name, body(subject, name, number, once))
    assert identity(first) == identity(again)


@every_effect
@in_the_loop_of_the_module
async def test_the_same_id_with_another_body_is_refused(
    prepared: Running, subject: Subject, name: str, number: int, once: str
) -> None:
    await prepared.must(name, body(subject, name, number, once))
    refused = await prepared.refused(name, body(subject, name, number + 1, once))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")


@every_effect
@in_the_loop_of_the_module
async def test_the_header_does_what_the_field_does(
    prepared: Running, subject: Subject, name: str, number: int, once: str
) -> None:
    identity = subject.effects[name].identity
    key = {"idempotency-key": once}
    first = await prepared.must(name, body(subject, name, number), key)
    assert identity(await prepared.must(name, body(subject, name, number), key)) == identity(first)
    refused = await prepared.refused(name, body(subject, name, number + 1), key)
    assert refused.reason == "IDEMPOTENCY_KEY_REUSED"


@every_effect
@in_the_loop_of_the_module
async def test_many_at_the_same_time_have_one_effect(
    prepared: Running, subject: Subject, name: str, number: int, once: str
) -> None:
    identity = subject.effects[name].identity
    calls = [prepared.call(name, body(subject, name, number, once)) for _ in range(20)]
    answers = await asyncio.gather(*calls)
    assert all(isinstance(answer, Answer) for answer in answers), answers
    assert len({identity(answer.message) for answer in answers}) == 1


@every_repeated_effect
@in_the_loop_of_the_module
async def test_without_an_id_every_call_is_its_own(prepared: Running, subject: Subject, name: str, number: int) -> None:
    identity = subject.effects[name].identity
    first, second = [await prepared.must(name, body(subject, name, number)) for _ in range(2)]
    assert identity(first) != identity(second)


@every_effect
@in_the_loop_of_the_module
async def test_an_id_that_is_too_long_is_named(prepared: Running, subject: Subject, name: str, number: int) -> None:
    refused = await prepared.refused(name, body(subject, name, number, "x" * 129))
    assert refused.fields == (subject.effects[name].field,)
    refused = await prepared.refused(name, body(subject, name, number), {"idempotency-key": "x" * 129})
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
