"""The outbox: which events are put into it for whom, in the transaction of the event and in no other."""

from pathlib import Path

import asyncpg
import pytest

from services.hitl.delivery.store import deliveries
from tests.hitl.environment import CALLBACK_SECRET, Environment, environment
from tests.webhook_receiver import until, webhook_receiver


async def test_callbacks_get_the_default_kinds_signed_with_their_own_secret(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.request(callback_url=peer.url("/callback"))
        await env.start()
        for kind in ("created", "viewed", "commented", "decided", "delivered", "linked"):
            await env.event(kind=kind)
        await until(lambda: env.all("delivered"))
        types = [each.checked(CALLBACK_SECRET)["type"] for each in peer.received]
        assert types == ["human_request.created", "human_request.decided"]


async def test_a_webhook_gets_the_kinds_and_types_that_it_names(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url("/some"), kinds=("viewed", "decided"), request_types=("choice", "input"))
        await env.webhook(peer.url("/paused"), paused=True)
        await env.webhook(peer.url("/all"))
        await env.request("r1", request_type="approval")
        await env.request("r2", request_type="choice")
        for about in ("r1", "r2"):
            for kind in ("created", "viewed", "voted", "decided"):
                await env.event(about, kind)
        rows = await env.execute(
            "SELECT url, human_request_id, event_kind FROM deliveries ORDER BY url, event_sequence"
        )
        found = [(row["url"].rpartition("/")[2], row["human_request_id"], row["event_kind"]) for row in rows]
        assert found == [
            ("all", "r1", "created"),
            ("all", "r1", "decided"),
            ("all", "r2", "created"),
            ("all", "r2", "decided"),
            ("some", "r2", "viewed"),
            ("some", "r2", "decided"),
        ]


async def test_several_events_are_queued_by_one_call_with_one_notification(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.request(callback_url=peer.url())
        heard: list[str] = []
        listener = await asyncpg.connect(database)
        await listener.add_listener("deliveries", lambda *args: heard.append(str(args[3])))
        async with env.database.transaction() as connection:
            sequences = [await env.record(connection, "r1", kind) for kind in ("viewed", "claimed")]
            await deliveries.queue(connection, sequences)
        async with env.database.transaction() as connection:
            sequences = [await env.record(connection, "r1", kind) for kind in ("created", "decided", "commented")]
            await deliveries.queue(connection, sequences)
        await env.execute("SELECT pg_notify('deliveries', 'the end')")
        await until(lambda: "the end" in heard)
        assert heard == ["", "the end"]
        assert len(await env.statuses()) == 2
        await listener.close()


async def decide_and_fail(env: Environment, error: BaseException) -> None:
    async with env.database.transaction() as connection:
        await deliveries.queue(connection, [await env.record(connection, "r1", "decided")])
        raise error


async def test_what_rolls_back_is_not_sent(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        await env.start()
        with pytest.raises(ZeroDivisionError):
            await decide_and_fail(env, ZeroDivisionError())
        await env.event(kind="cancelled")
        await until(lambda: env.all("delivered"))
        assert [message["type"] for message in peer.messages] == ["human_request.cancelled"]
