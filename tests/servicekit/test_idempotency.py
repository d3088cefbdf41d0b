"""The same idempotency_key: one effect, the first answer, and a refusal for another body."""

import asyncio

import asyncpg
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from servicekit import idempotency
from servicekit.errors import ServiceError


async def once(url, idempotency_key, body, effects, principal="somebody"):
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():

            async def effect():
                await asyncio.sleep(0.01)
                effects.append(body)
                return StringValue(value=f"answer {len(effects)}")

            request = StringValue(value=body)
            answer = await idempotency.once(connection, principal, "Do", idempotency_key, request, StringValue, effect)
        return answer.value
    finally:
        await connection.close()


async def test_callers_that_race_with_one_id_have_one_effect_and_one_answer(database):
    effects = []
    answers = await asyncio.gather(*(once(database, "r", "body", effects) for _ in range(8)))
    assert effects == ["body"]
    assert set(answers) == {"answer 1"}


async def test_another_body_is_refused_and_another_principal_is_somebody_else(database):
    effects = []
    await once(database, "r", "body", effects)
    with pytest.raises(ServiceError, match="IDEMPOTENCY_KEY_REUSED"):
        await once(database, "r", "another", effects)
    await once(database, "r", "another", effects, principal="somebody else")
    assert effects == ["body", "another"]


async def test_an_effect_that_fails_leaves_no_record(database):
    connection = await asyncpg.connect(database)

    async def fail():
        raise LookupError

    with pytest.raises(LookupError):
        async with connection.transaction():
            await idempotency.once(connection, "p", "Do", "r", StringValue(), StringValue, fail)
    assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    await connection.close()


async def test_without_an_id_nothing_is_remembered(database):
    effects = []
    assert await once(database, "", "a", effects) == "answer 1"
    assert await once(database, "", "a", effects) == "answer 2"


async def test_records_are_forgotten_after_a_day(database):
    await once(database, "r", "body", [])
    connection = await asyncpg.connect(database)
    await idempotency.forget(connection)
    assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 1
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await idempotency.forget(connection)
    assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    await connection.close()
