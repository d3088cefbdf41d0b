"""Who sees what, over every RPC of every service: what is another's is answered as what there is not."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from tests.contract.callers import Everybody, apart, everybody
from tests.contract.running import Answer, Refusal, Running
from tests.contract.subject import Sight, Subject
from tests.contract.subjects import SUBJECTS
from tests.stack import Server

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Everybody]:
    async with everybody(postgres, tmp_path_factory.mktemp("everybody")) as everyone:
        yield everyone


def names_it(sight: Sight) -> bool:
    """Whether the request is about one thing, rather than about all that the caller sees."""
    return sight.request("a") != sight.request("b")


def rows(*, named: bool) -> list[Any]:
    return [
        pytest.param(subject, name, sight, id=f"{subject.name}-{name}")
        for subject in SUBJECTS
        for name, sight in subject.sights.items()
        if names_it(sight) == named
    ]


LISTS = [row for row in rows(named=False) if row.values[1].startswith("List")]
every_by_name = pytest.mark.parametrize(("subject", "name", "sight"), rows(named=True))
every_over_all = pytest.mark.parametrize(("subject", "name", "sight"), rows(named=False))
every_list = pytest.mark.parametrize(("subject", "name", "sight"), LISTS)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_rpc_shows_its_callers_what_is_theirs_or_says_why_it_is_the_same_for_all(subject: Subject) -> None:
    """A new RPC fails here until tests/<service>/subject.py has a sight of it, or the reason why it needs none."""
    known = [*subject.sights, *subject.shared, *apart(subject.service)]
    assert sorted(known) == sorted(method.name for method in subject.service.methods)


async def outcome(running: Running, name: str, request: Message) -> Refusal | str:
    """How a call ends: its refusal, or all that it answers."""
    if running.service.methods_by_name[name].server_streaming:
        first = await running.read(name, request, lambda _: True)
        return first if isinstance(first, Refusal) else str(first)
    answer = await running.call(name, request)
    return str(answer.message) if isinstance(answer, Answer) else answer


def told(refused: Refusal | str, named: str) -> tuple[object, ...]:
    """All that a refusal says, but for the name that was asked for and the id of the call."""
    assert isinstance(refused, Refusal), refused
    metadata = {key: value.replace(named, "?") for key, value in refused.metadata.items() if key != "request_id"}
    return refused.code, refused.reason, refused.message.replace(named, "?"), refused.fields, metadata


def keyed(request: Message) -> Message:
    """The request as a retry, where it can be one."""
    if "idempotency_key" in request.DESCRIPTOR.fields_by_name:
        request.idempotency_key = "the-owner's"  # type: ignore[attr-defined] - it has the field
    return request


@every_by_name
@in_one_loop
async def test_what_is_anothers_is_answered_as_what_there_is_not(
    found: Everybody, subject: Subject, name: str, sight: Sight
) -> None:
    called = await found.of(subject)
    made = await sight.make(called.owner, called.admin)
    unknown = made[:-1] + ("0" if made[-1] != "0" else "1")
    there_is_not = told(await outcome(called.other, name, keyed(sight.request(unknown))), unknown)
    assert there_is_not[0] is grpc.StatusCode.NOT_FOUND
    assert told(await outcome(called.other, name, keyed(sight.request(made))), made) == there_is_not
    # Last of all those who see it, for they may end it.
    seen = await outcome(called.auditor, name, sight.request(made))
    assert not isinstance(seen, Refusal) or seen.code is not grpc.StatusCode.NOT_FOUND, seen
    own = await outcome(called.owner, name, keyed(sight.request(made)))
    assert (isinstance(own, Refusal) and own.code is grpc.StatusCode.NOT_FOUND) != sight.owned, own
    assert told(await outcome(called.other, name, keyed(sight.request(made))), made) == there_is_not


async def shown(running: Running, name: str, request: Message, upto: str) -> str:
    """All that an RPC shows; of a stream up to what is named, for some never end."""
    if running.service.methods_by_name[name].server_streaming:
        return str(await running.read(name, request, lambda message: upto in str(message)))
    return str(await running.must(name, request))


@every_over_all
@in_one_loop
async def test_what_is_anothers_is_neither_listed_nor_counted_nor_streamed(
    found: Everybody, subject: Subject, name: str, sight: Sight
) -> None:
    called = await found.of(subject)
    made = await sight.make(called.owner, called.admin)
    own = await sight.make(called.other, called.admin)
    request = sight.request("")
    assert made in await shown(called.auditor, name, request, own)
    assert (made in await shown(called.owner, name, request, made)) == sight.owned
    seen = await shown(called.other, name, request, own)
    assert (made in seen, own in seen) == (False, sight.owned)


@every_list
@in_one_loop
async def test_a_page_token_is_good_for_nobody_but_whom_it_was_made_for(
    found: Everybody, subject: Subject, name: str, sight: Sight
) -> None:
    called = await found.of(subject)
    for _ in range(2):
        await sight.make(called.owner, called.admin)
    first = sight.request("")
    first.page_size = 1  # type: ignore[attr-defined] - every List has it
    token = (await called.admin.must(name, first)).next_page_token
    assert token
    first.page_token = token  # type: ignore[attr-defined] - every List has it
    assert await called.admin.must(name, first)
    for running in (called.auditor, called.owner):
        refused = await running.refused(name, first)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


# What makes something each time; by the name of what is another's `keyed` has tried it.
EFFECTS = [
    pytest.param(subject, name, id=f"{subject.name}-{name}")
    for subject in SUBJECTS
    for name, effect in subject.effects.items()
    if effect.repeats
]


@pytest.mark.parametrize(("subject", "name"), EFFECTS)
@in_one_loop
async def test_an_idempotency_key_of_another_caller_is_another_key(
    found: Everybody, subject: Subject, name: str
) -> None:
    called, effect = await found.of(subject), subject.effects[name]
    one, two = called.owner, called.other
    if effect.prepare is not None:
        await effect.prepare(called.admin)
    if effect.prepare is not None or name in apart(subject.service):
        # What is there is an administrator's, or only they make it.
        one, two = called.admin, called.deputy

    async def made(running: Running, number: int) -> object:
        answer = await running.must(name, effect.request(number), {"idempotency-key": f"shared-{name}"})
        return effect.identity(answer)

    first = await made(one, 901)
    others = await made(two, 903)
    assert (await made(one, 901), await made(two, 903)) == (first, others)
    assert first != others
