"""The same idempotency_key: one effect, the first answer, and a refusal for another body."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context

import pytest
from qmcp.access.v1 import access_service_pb2, key_pb2

from servicekit import idempotency
from servicekit.errors import ServiceError
from servicekit.idempotency import Once
from servicekit.identity.principal import Principal
from servicekit.methods import methods_of
from servicekit.postgres import Connection, Database
from servicekit.postgres import database as pool
from servicekit.request_context import RequestContext, current_context

METHODS = {m.name: m for m in methods_of(access_service_pb2.DESCRIPTOR.services_by_name["AccessService"])}
Answer = access_service_pb2.IssuedKey


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    async with pool(database, 10, "test") as opened:
        yield opened


def request(key: str, owner: str) -> access_service_pb2.CreateKeyRequest:
    return access_service_pb2.CreateKeyRequest(idempotency_key=key, owner=owner)


def answer(number: int) -> Answer:
    return Answer(key=key_pb2.Key(id=f"answer {number}"), api_key=f"secret {number}")


async def call(
    db: Database, key: str, owner: str, effects: list[str], principal="somebody", method="CreateKey", header=""
):
    current_context.set(
        RequestContext({"idempotency-key": header}, METHODS[method], principal=Principal(principal, frozenset()))
    )

    async def effect(connection: Connection) -> int:
        await asyncio.sleep(0.01)
        effects.append(owner)
        return len(effects)

    return await Once(request(key, owner), answer, unrecorded=("api_key",)).run(db, effect)


async def test_callers_that_race_with_one_key_have_one_effect_and_one_answer(db: Database) -> None:
    effects: list[str] = []
    racing = [asyncio.create_task(call(db, "r", "body", effects), context=copy_context()) for _ in range(8)]
    answers = await asyncio.gather(*racing)
    assert effects == ["body"]
    assert {each.key.id for each in answers} == {"answer 1"}


async def test_a_secret_is_given_once_and_not_recorded(db: Database) -> None:
    given = [(await call(db, "r", "body", [])).api_key for _ in range(2)]
    assert given == ["secret 1", ""]
    async with db.connection() as connection:
        [row] = await connection.fetch("SELECT response FROM idempotency_keys")
    assert b"answer 1" in row["response"]
    assert b"secret" not in row["response"]


async def test_another_body_is_refused_and_another_principal_or_rpc_is_another_key(db: Database) -> None:
    effects: list[str] = []
    await call(db, "r", "body", effects)
    with pytest.raises(ServiceError, match="IDEMPOTENCY_KEY_REUSED"):
        await call(db, "r", "another", effects)
    await call(db, "r", "another", effects, principal="somebody else")
    await call(db, "r", "third", effects, method="RotateKey")
    assert effects == ["body", "another", "third"]


async def test_the_header_is_a_key_where_the_body_has_none(db: Database) -> None:
    effects: list[str] = []
    assert (await call(db, "", "body", effects, header="r")).key.id == "answer 1"
    assert (await call(db, "", "body", effects, header="r")).key.id == "answer 1"
    assert (await call(db, "own", "body", effects, header="r")).key.id == "answer 2"
    with pytest.raises(ServiceError, match="INVALID_REQUEST"):
        await call(db, "", "body", effects, header="r" * 129)


async def test_an_effect_that_fails_leaves_no_record_and_nothing_of_what_it_wrote(db: Database) -> None:
    current_context.set(RequestContext({}, METHODS["CreateKey"]))

    async def fail(connection: Connection) -> int:
        await connection.execute("INSERT INTO idempotency_keys VALUES ('p', 'm', 'written', '')")
        raise LookupError

    with pytest.raises(LookupError):
        await Once(request("r", "body"), answer).run(db, fail)
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_without_a_key_nothing_is_remembered(db: Database) -> None:
    effects: list[str] = []
    assert (await call(db, "", "a", effects)).key.id == "answer 1"
    assert (await call(db, "", "a", effects)).key.id == "answer 2"


async def test_an_earlier_answer_can_be_asked_for_before_anything_is_prepared(db: Database) -> None:
    await call(db, "r", "body", [])
    earlier = await Once(request("r", "body"), answer).earlier(db)
    assert earlier is not None
    assert earlier.key.id == "answer 1"
    assert await Once(request("new", "body"), answer).earlier(db) is None
    assert await Once(request("", "body"), answer).earlier(db) is None
    with pytest.raises(ServiceError, match="IDEMPOTENCY_KEY_REUSED"):
        await Once(request("r", "another"), answer).earlier(db)


async def test_records_are_forgotten_after_a_day(db: Database) -> None:
    await call(db, "r", "body", [])
    async with db.connection() as connection:
        await idempotency.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 1
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        await idempotency.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 0
