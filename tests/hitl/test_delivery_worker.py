"""Deliveries against a real HTTP receiver: what is sent, how it is signed, and that nothing is lost."""

import asyncio
from collections import Counter
from pathlib import Path

import asyncpg
import pytest
from standardwebhooks import WebhookVerificationError

from servicekit.identity.visibility import ITSELF
from servicekit.webhooks.retries import pause_seconds
from servicekit.webhooks.sealing import new_secret
from services.hitl.delivery.models import WebhookDefinition
from services.hitl.delivery.store import deliveries, webhooks
from tests.hitl.environment import environment
from tests.webhook_receiver import until, webhook_receiver


async def test_an_event_arrives_signed_and_the_history_says_so(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        await env.request()
        await env.start()
        sequence = await env.event()
        await until(lambda: env.all("delivered"))

        received = peer.received[0]
        message = received.checked(issued.secret)
        assert message["type"] == "human_request.created"
        assert message["timestamp"].endswith("Z")
        assert message["data"] == {
            "sequence": sequence,
            "human_request_id": "r1",
            "principal": "agent",
            "detail": {"word": "ä"},
            "request": {"id": "r1", "prompt": "May I?", "options": ["yes", "nö"]},
        }
        with pytest.raises(WebhookVerificationError):
            received.checked(new_secret())
        assert received.headers["Content-Type"] == "application/json"
        (row,) = await env.execute("SELECT * FROM deliveries")
        assert (str(row["id"]), row["attempts"], row["last_status"], row["last_error"]) == (received.id, 1, 200, "")
        assert row["delivered_at"] >= row["created_at"]
        assert await env.kinds() == ["created", "delivered"]
        assert env.metrics[0]._tried["delivered"] == 1


async def test_a_flaky_receiver_gets_everything_under_the_same_ids(database: str, tmp_path: Path) -> None:
    bad = [500, "reset", 503, 302, 404, "hang", 200, 500, "reset", 200, 429, 500]
    async with environment(database, tmp_path, hitl_delivery_timeout_seconds=1) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        peer.answers = [*bad, 200]
        peer.headers = {"Location": peer.url("/elsewhere")}
        for number in range(10):
            await env.request(f"r{number}")
        await env.start()
        for number in range(10):
            await env.event(f"r{number}")
        await until(lambda: env.all("delivered"))
        assert {message["data"]["human_request_id"] for message in peer.messages} == {f"r{n}" for n in range(10)}
        ids_of = {
            (message["data"]["human_request_id"], each.id)
            for each, message in zip(peer.received, peer.messages, strict=True)
        }
        assert len(ids_of) == 10
        assert peer.overlaps == []
        for each in peer.received:
            each.checked(issued.secret)
        counted = env.metrics[0]._tried
        assert (counted["delivered"], counted["failed"]) == (10, 0)
        assert counted["retried"] == len(peer.received) - 10 >= sum(answer != 200 for answer in bad)


async def test_when_the_tries_are_used_up_it_has_failed_and_a_retry_sends_it_again(
    database: str, tmp_path: Path
) -> None:
    async with environment(database, tmp_path, hitl_delivery_attempts=3) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        peer.answers = [500]
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        (row,) = await env.execute("SELECT * FROM deliveries")
        assert (row["attempts"], row["last_status"], row["last_error"]) == (3, 500, "The receiver answered 500.")
        assert len(peer.received) == 3
        assert await env.kinds() == ["created", "undeliverable"]

        peer.answers = [500, 200]
        retried = await env.webhooks.retry(str(row["id"]))
        assert (retried.status, retried.attempts) == ("pending", 0)
        await until(lambda: env.all("delivered"))
        assert len(peer.received) == 5
        assert await env.kinds() == ["created", "undeliverable", "delivered"]
        assert len({each.id for each in peer.received}) == 1

        await env.webhooks.retry(str(row["id"]))
        await until(lambda: len(peer.received) == 6)


async def test_a_receiver_that_is_gone_pauses_its_webhook(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        await env.request(callback_url="")
        peer.answers = [410]
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        paused = await env.webhooks.get(str(issued.webhook.id), ITSELF)
        assert paused.definition.paused
        assert paused.etag != issued.webhook.etag
        await env.event(kind="decided")
        assert len(await env.statuses()) == 1
        assert len(peer.received) == 1


async def test_a_paused_webhook_gets_what_was_on_its_way_when_it_goes_on(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url("/paused"))
        await env.webhook(peer.url("/other"))
        await env.request()
        await env.event()
        webhook_id = str(issued.webhook.id)
        await env.webhooks.update(webhook_id, WebhookDefinition(peer.url("/paused"), paused=True), "", rotate=False)
        worker = await env.start()
        await until(lambda: len(peer.received) == 1)
        await until(lambda: env.one_of_each("delivered", "pending"))
        await env.webhooks.update(webhook_id, WebhookDefinition(peer.url("/new"), paused=False), "", rotate=False)
        worker.wake()
        await until(lambda: env.all("delivered"))
        (row,) = await env.execute("SELECT url FROM deliveries WHERE webhook_id = $1", issued.webhook.id)
        assert row["url"] == peer.url("/new")


async def test_two_delivery_workers_never_try_one_delivery_at_once(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url("/a"))
        await env.webhook(peer.url("/b"))
        for number in range(60):
            await env.request(f"r{number}")
        for _ in range(3):
            await env.start(hitl_deliveries_at_a_time=8)
        for number in range(60):
            await env.event(f"r{number}")
        await until(lambda: env.all("delivered"))
        assert peer.overlaps == []
        assert Counter(each.id for each in peer.received).most_common(1)[0][1] == 1
        assert len(peer.received) == 120
        assert sum(metrics._tried["delivered"] for metrics in env.metrics) == 120


async def test_what_a_dead_process_was_trying_is_tried_again_when_the_lease_is_over(
    database: str, tmp_path: Path
) -> None:
    async with environment(database, tmp_path, shutdown_grace_seconds=0.01) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        await env.event()
        peer.may_answer.clear()
        dying = asyncio.create_task(env.worker().run())
        await until(lambda: len(peer.received) == 1)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        peer.may_answer.set()

        (row,) = await env.execute("SELECT *, next_attempt_at > now() AS leased FROM deliveries")
        assert (row["status"], row["attempts"], row["leased"]) == ("pending", 1, True)
        worker = await env.start()
        async with env.database.connection() as connection:
            assert await deliveries.claim(connection, 10, 30, []) == []
        await env.execute("UPDATE deliveries SET next_attempt_at = now()")
        worker.wake()
        await until(lambda: env.all("delivered"))
        assert [each.id for each in peer.received] == [str(row["id"])] * 2


async def test_who_dies_between_the_claim_and_the_send_loses_nothing(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        await env.event()
        async with env.database.connection() as connection:
            (claimed,) = await deliveries.claim(connection, 10, 0.3, [])
        await env.start()
        await until(lambda: env.all("delivered"))
        async with env.database.connection() as connection:
            # The one that was taken for dead comes back and has no say.
            assert not await deliveries.postpone(connection, claimed, 500, "late", 1)
            assert not await deliveries.failed(connection, claimed, 500, "late")
        assert len(peer.received) == 1


async def test_a_try_that_outlives_its_lease_writes_nothing(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        await env.event()
        peer.may_answer.clear()
        worker = await env.start()
        await until(lambda: len(peer.received) == 1)
        await env.execute("UPDATE deliveries SET claim = gen_random_uuid()")
        peer.may_answer.set()
        await until(lambda: not worker._trying)
        assert await env.statuses() == ["pending"]
        assert await env.kinds() == ["created"]
        assert env.metrics[0]._tried["delivered"] == 0


async def test_events_of_one_request_go_out_in_order(database: str, tmp_path: Path) -> None:
    kinds = ("created", "viewed", "claimed", "commented", "reminded", "decided")
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        for path in ("/a", "/b"):
            await env.webhook(peer.url(path), kinds=kinds)
        for number in range(10):
            await env.request(f"r{number}")
            for kind in kinds:
                await env.event(f"r{number}", kind)
        for _ in range(2):
            await env.start()
        await until(lambda: env.all("delivered"))
        for number in range(10):
            for path in ("/a", "/b"):
                data = [each.message["data"] for each in peer.received if each.path == path]
                seen = [each["sequence"] for each in data if each["human_request_id"] == f"r{number}"]
                assert len(seen) == len(kinds)
                assert seen == sorted(seen)


async def test_a_failing_event_does_not_hold_up_the_next(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path, hitl_delivery_first_pause_seconds=60) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        peer.answers = [500, 200]
        await env.start()
        await env.event()
        await env.event(kind="decided")
        await until(lambda: len(peer.received) == 2)
        await until(lambda: env.one_of_each("delivered", "pending"))


async def test_a_slow_receiver_leaves_slots_to_the_others(database: str, tmp_path: Path) -> None:
    async with (
        environment(database, tmp_path, hitl_deliveries_at_a_time=8) as env,
        webhook_receiver() as slow,
        webhook_receiver() as quick,
    ):
        slow.may_answer.clear()
        for number in range(20):
            await env.request(f"s{number}", callback_url=slow.url())
            await env.event(f"s{number}")
        await env.request("q", callback_url=quick.url())
        await env.start()
        await until(lambda: slow.received)
        await env.event("q")
        await until(lambda: quick.received)
        assert len(slow.received) < 8
        slow.may_answer.set()
        await until(lambda: env.all("delivered"))


async def test_retry_after_is_heeded(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        peer.answers = [503, 200]
        peer.headers = {"Retry-After": "120"}
        await env.start()
        await env.event()
        statement = "SELECT * FROM deliveries WHERE next_attempt_at BETWEEN now() + interval '100 s' AND now() + interval '120 s'"
        await until(lambda: env.execute(statement))
        assert len(peer.received) == 1


def test_pauses_double_with_some_spread_up_to_six_hours() -> None:
    for attempts, expected in ((1, 5), (2, 10), (5, 80), (13, 20480), (14, 21600), (50, 21600)):
        found = [pause_seconds(attempts, 5, 0) for _ in range(200)]
        assert 0.8 * expected <= min(found) <= max(found) <= min(1.2 * expected, 21600)
        assert attempts > 13 or max(found) > expected > min(found)
    assert pause_seconds(1, 5, 600) == 600
    assert pause_seconds(1, 5, 1e9) == 21600


async def test_a_huge_answer_is_cut_off_and_counts(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        peer.answers = ["huge"]
        await env.start()
        await env.event()
        await until(lambda: env.all("delivered"))


async def test_a_fault_of_ours_is_a_failed_try_and_no_endless_loop(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path, hitl_delivery_attempts=2) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        await env.request()
        env.fail_to_load = True
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        assert peer.received == []
        assert env.loaded == ["r1", "r1"]


async def test_deleting_a_webhook_while_events_are_written_fails_neither(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        issued = await env.webhook("http://127.0.0.1:9/hook")
        await env.request()
        deleting = await asyncpg.connect(database)
        transaction = deleting.transaction()
        await transaction.start()
        assert await webhooks.delete(deleting, issued.webhook.id)
        writing = asyncio.create_task(env.event())
        waits = "SELECT true FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await until(lambda: env.execute(waits))
        await transaction.commit()
        await writing
        await deleting.close()
        assert (await env.statuses(), await env.kinds()) == ([], ["created"])


async def test_what_is_on_its_way_to_a_deleted_webhook_is_sent_no_more(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        await env.request()
        peer.may_answer.clear()
        worker = await env.start()
        await env.event()
        await until(lambda: peer.received)
        await env.webhooks.delete(str(issued.webhook.id))
        peer.may_answer.set()
        await until(lambda: not worker._trying)
        assert (await env.statuses(), await env.kinds()) == ([], ["created"])
