"""Refresh tokens that are good for one use: one request of all replicas, the next one kept sealed; against Authlib's server."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import structlog
from aiohttp import web

from services.tools.upstreams import renewals
from tests.stack import Server
from tests.tools.audit import rows_of_every_table
from tests.tools.authorization_server import LIFETIME_SECONDS, Clock, Parties, parties
from tests.tools.service import Replica, replica, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = {"Authorization": "${oauth.user}"}


class World:
    """Two replicas on one database, and a partner."""

    def __init__(self, url: str, folder: Path, partner: Parties, both: list[Replica]) -> None:
        self.url = url
        self.folder = folder
        self.partner = partner
        self.replicas = both

    def declare(self, **others: Any) -> str:
        token = self.partner.grown()
        client = self.partner.client(**{"grant_type": "refresh_token", "refresh_token": token, **others})
        (self.folder / "secrets" / "user").write_text(json.dumps(client))
        return token

    async def call(self, which: int = 0) -> Any:
        return await self.replicas[which].invoke("user")

    async def pass_by(self, seconds: float) -> None:
        """Time, for the server, the replicas and the database."""
        self.partner.clock.now += seconds
        await self.sql(f"UPDATE refreshed_tokens SET expires_at = expires_at - interval '{seconds} s'")

    async def sql(self, statement: str) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("refresh")
    (folder / "secrets").mkdir()
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.tools.catalogue.credentials.monotonic", clock)
        async with postgres.database("tools") as url, parties(clock) as partner:
            wanted = {"tools_secrets_dir": folder / "secrets"}
            async with (
                replica(settings_for(url, folder, **wanted)) as one,
                replica(settings_for(url, folder, **wanted)) as two,
            ):
                yield World(url, folder, partner, [one, two])


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: World) -> World:
    running.partner.forget()
    await running.pass_by(10 * LIFETIME_SECONDS)
    running.declare()
    await running.replicas[0].update(name="user", http={"url": f"{running.partner.url}/resource", "headers": HEADERS})
    return running


async def test_two_replicas_use_each_refresh_token_once_over_three_lifetimes_and_show_none(world: World) -> None:
    partner = world.partner
    made = []
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            made += await asyncio.gather(*(world.call(which) for which in (0, 1) for _ in range(16)))
            await world.pass_by(LIFETIME_SECONDS)
    assert {one.status for one in made} == {"success"}, made[0].error
    assert [asked["grant_type"] for asked in partner.asked] == ["refresh_token"] * 3
    used = [asked["refresh_token"] for asked in partner.asked]
    assert used == list(partner.refreshes)[:3], "each is the successor of the one before"
    assert set(partner.used) == set(partner.tokens)
    kept = await rows_of_every_table(world.url)
    seen = f"{made}{lines}{kept}"
    assert '"of"' in seen, "the server said the access tokens"
    assert "refreshed_tokens" in kept or "version" in kept
    assert not [secret for secret in ("cAnArY", *partner.tokens, *partner.refreshes) if secret in seen]


async def test_what_was_given_to_one_replica_serves_the_other_and_one_that_starts(world: World) -> None:
    await world.call(0)
    assert (await world.call(1)).status == "success"
    settings = world.replicas[0].settings.model_copy(update={"metrics_port": 0})
    async with replica(settings) as third:
        assert (await third.invoke("user")).status == "success"
    assert len(world.partner.asked) == 1


async def test_the_next_token_is_written_before_it_is_used_however_long_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = 3

    async def keep(*given: Any) -> bool:
        nonlocal away
        away -= 1
        if away >= 0:
            assert not world.partner.used
            raise ConnectionRefusedError
        return await kept(*given)

    kept = renewals.store.keep
    monkeypatch.setattr(renewals.store, "keep", keep)
    assert (await world.call()).status == "success"
    assert (away, len(world.partner.asked), len(world.partner.used)) == (-1, 1, 1)
    await world.pass_by(LIFETIME_SECONDS)
    assert (await world.call(1)).status == "success"


async def test_a_replica_that_died_while_it_renewed_is_waited_for_and_then_replaced(world: World) -> None:
    await world.call()
    await world.pass_by(LIFETIME_SECONDS)
    claim = "SET renewing_by = gen_random_uuid(), renewing_until = now() + interval '60 s'"
    await world.sql(f"UPDATE refreshed_tokens {claim} WHERE sealed IS NOT NULL")
    call = asyncio.create_task(world.call())
    await asyncio.sleep(3 * renewals.LOOK_AGAIN_SECONDS)
    assert (call.done(), len(world.partner.asked)) == (False, 1)
    await world.sql("UPDATE refreshed_tokens SET renewing_until = now()")
    assert ((await call).status, len(world.partner.asked)) == ("success", 2)


async def test_while_another_renews_the_present_token_serves(world: World) -> None:
    await world.call()
    await world.pass_by(LIFETIME_SECONDS - 30)
    await world.sql("UPDATE refreshed_tokens SET renewing_until = now() + interval '60 s'")
    assert ((await world.call()).status, len(world.partner.asked)) == ("success", 1)


async def test_a_token_that_is_refused_is_renewed_for_all(world: World) -> None:
    await world.call(0)
    await world.call(1)
    [first] = world.partner.tokens
    world.partner.issued[first] = 0.0
    assert (await world.call(0)).status == "failed"
    assert (await world.call(0)).status == "success"
    assert (await world.call(1)).status == "failed"
    assert (await world.call(1)).status == "success"
    assert len(world.partner.asked) == 2


async def test_a_refresh_token_that_ended_fails_the_invocation_until_a_new_one_is_declared(world: World) -> None:
    world.partner.refreshes.update(dict.fromkeys(world.partner.refreshes, False))
    made = await world.call()
    assert (made.status, made.error_reason, "(invalid_grant)" in made.error) == ("failed", "TOKEN_REQUEST_FAILED", True)
    assert not world.partner.used
    world.declare(scope="read")
    assert (await world.call()).status == "success"
    # What is asked for is another: the token of before is not used, the chain of refresh tokens goes on.
    client = json.loads((world.folder / "secrets" / "user").read_text())
    (world.folder / "secrets" / "user").write_text(json.dumps({**client, "scope": "write"}))
    assert (await world.call()).status == "success"
    assert [asked.get("scope") for asked in world.partner.asked[1:]] == ["read", "write"]
    assert world.partner.used[-1] == world.partner.tokens[-1]


async def test_a_server_that_keeps_its_refresh_token_is_asked_with_it_again(world: World) -> None:
    def same(_: web.Request) -> web.Response:
        world.partner.issued["cAnArY-given"] = world.partner.clock() + 1_000
        return web.json_response({"access_token": "cAnArY-given", "expires_in": 60})

    world.partner.answer = same
    for _ in range(2):
        assert (await world.call()).status == "success"
        await world.pass_by(60)
    assert len({asked["refresh_token"] for asked in world.partner.asked}) == 1
    assert len(world.partner.asked) == 2


async def test_rows_cannot_be_swapped_and_old_keys_open_until_all_is_sealed_anew(world: World) -> None:
    await world.call()
    [row] = await world.sql(
        "SELECT * FROM refreshed_tokens WHERE updated_at = (SELECT max(updated_at) FROM refreshed_tokens)"
    )
    file = world.folder / "secrets-key"
    old = file.read_text()
    file.write_text(f"{'A' * 43}=\n{old}")
    settings = world.replicas[0].settings.model_copy(update={"metrics_port": 0})
    async with replica(settings) as rotated:
        assert (await rotated.invoke("user")).status == "success"
    file.write_text(f"{'A' * 43}=\n")
    async with replica(settings) as rotated:
        assert (await rotated.invoke("user")).status == "success"
        assert len(world.partner.asked) == 1
        # Of another declaration, in the row of this one.
        await world.sql(
            f"UPDATE refreshed_tokens SET declaration = declaration || 'x' WHERE declaration <> '{row['declaration']}'"
        )
        await world.pass_by(LIFETIME_SECONDS)
        await world.sql(
            "UPDATE refreshed_tokens SET sealed = (SELECT sealed FROM refreshed_tokens"
            f" WHERE declaration <> '{row['declaration']}' LIMIT 1) WHERE declaration = '{row['declaration']}'"
        )
        made = await rotated.invoke("user")
        assert (made.error_reason, "No key of this installation opens it" in made.error) == (
            "TOKEN_REQUEST_FAILED",
            True,
        )
        assert len(world.partner.asked) == 1
    file.write_text(old)


async def test_while_the_database_is_away_nothing_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(*_: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(renewals.store, "get", get)
    made = await world.call()
    assert (made.error_reason, "The database" in made.error) == ("TOKEN_REQUEST_FAILED", True)
    assert not world.partner.asked
