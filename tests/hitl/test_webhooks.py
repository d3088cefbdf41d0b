"""Webhooks as they are registered and changed: secrets shown once, never kept in clear; a limit; races; the log."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from standardwebhooks import WebhookVerificationError

from servicekit.errors import ServiceError
from servicekit.identity.visibility import ITSELF
from servicekit.webhooks.sealing import Sealing
from services.hitl.delivery.models import DeliveryFilter, WebhookDefinition
from services.hitl.delivery.webhooks import MAX_WEBHOOKS, Webhooks
from services.hitl.messages import webhooks as messages
from tests.hitl.environment import environment
from tests.webhook_receiver import until, webhook_receiver

URL = "http://127.0.0.1:9/hook"


async def refused(call: Any) -> str:
    with pytest.raises(ServiceError) as error:
        await call
    return error.value.reason


async def test_the_secret_is_shown_once_and_kept_sealed(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        with structlog.testing.capture_logs() as lines:
            issued = await env.webhook(peer.url())
            await env.request()
            await env.start()
            await env.event()
            await until(lambda: env.all("delivered"))
        assert issued.secret.startswith("whsec_")
        assert messages.webhook_to(issued.webhook, issued.secret).secret == issued.secret
        (row,) = await env.execute("SELECT webhooks::text AS text, secret FROM webhooks")
        bare = issued.secret.removeprefix("whsec_")
        assert bare not in row["text"]
        assert bare.encode() not in row["secret"]
        assert bare not in repr(lines)
        assert bare not in repr(await env.webhooks.get(str(issued.webhook.id), ITSELF))


async def test_rotating_makes_a_new_secret_that_signs_from_then_on(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        webhook_id = str(issued.webhook.id)
        wanted = WebhookDefinition(peer.url(), description="changed")
        changed = await env.webhooks.update(webhook_id, wanted, issued.webhook.etag, rotate=False)
        assert (changed.secret, changed.webhook.definition.description) == ("", "changed")
        rotated = await env.webhooks.update(webhook_id, wanted, changed.webhook.etag, rotate=True)
        assert rotated.secret not in {"", issued.secret}
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("delivered"))
        assert peer.received[0].checked(rotated.secret)


async def test_the_secret_before_a_rotation_signs_beside_the_new_one_for_the_grace_time_and_no_older_one(
    database: str, tmp_path: Path
) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        wanted, webhook_id = issued.webhook.definition, str(issued.webhook.id)
        second = await env.webhooks.update(webhook_id, wanted, "", rotate=True)
        third = await env.webhooks.update(webhook_id, wanted, "", rotate=True)
        await env.webhooks.update(webhook_id, wanted, "", rotate=False)
        # The key of the installation is replaced in between, and the old one thrown away.
        file = env.settings.hitl_secrets_key_file
        new = Fernet.generate_key().decode()
        file.write_text(f"{new}\n{file.read_text()}")
        await Webhooks(env.database, env.client, Sealing.load(file, "KEYS")).reseal()
        file.write_text(new)
        env.sealing = Sealing.load(file, "KEYS")
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("delivered"))
        assert len(peer.received[0].headers["webhook-signature"].split()) == 2
        for current in (second.secret, third.secret):
            assert peer.received[0].checked(current)
        with pytest.raises(WebhookVerificationError):
            peer.received[0].checked(issued.secret)
        hooks = Webhooks(env.database, env.client, env.sealing)
        last = await hooks.update(webhook_id, wanted, "", rotate=True, grace_seconds=0)
        await env.event()
        await until(lambda: len(peer.received) == 2)
        assert peer.received[1].checked(last.secret)
        with pytest.raises(WebhookVerificationError):
            peer.received[1].checked(third.secret)


async def test_a_stale_etag_is_refused_and_of_two_updates_one_wins(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        issued = await env.webhook(URL)
        webhook_id, etag = str(issued.webhook.id), issued.webhook.etag
        updates = [
            env.webhooks.update(webhook_id, WebhookDefinition(URL, description=str(n)), etag, rotate=False)
            for n in range(4)
        ]
        outcomes = await asyncio.gather(*updates, return_exceptions=True)
        reasons = sorted(getattr(outcome, "reason", "") for outcome in outcomes)
        assert reasons == ["", "ETAG_MISMATCH", "ETAG_MISMATCH", "ETAG_MISMATCH"]
        assert await env.webhooks.update(webhook_id, WebhookDefinition(URL), "", rotate=False)


@pytest.mark.parametrize("webhook_id", ["nonsense", "00000000-0000-7000-8000-000000000000"])
async def test_unknown_ids_are_not_found(database: str, tmp_path: Path, webhook_id: str) -> None:
    async with environment(database, tmp_path) as env:
        hooks = env.webhooks
        wanted = WebhookDefinition(URL)
        assert await refused(hooks.get(webhook_id, ITSELF)) == "WEBHOOK_NOT_FOUND"
        assert await refused(hooks.update(webhook_id, wanted, "", rotate=True)) == "WEBHOOK_NOT_FOUND"
        assert await refused(hooks.delete(webhook_id)) == "WEBHOOK_NOT_FOUND"
        assert await refused(hooks.retry(webhook_id)) == "DELIVERY_NOT_FOUND"
        assert await hooks.deliveries(DeliveryFilter(webhook_id=webhook_id), ITSELF, 0, "") == ([], "")


async def test_there_are_at_most_a_hundred_whoever_races(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        await env.webhook(URL)
        await env.execute(
            """
            INSERT INTO webhooks (id, url, kinds, request_types, description, paused, secret, etag)
            SELECT gen_random_uuid(), url, kinds, request_types, description, paused, secret, etag
            FROM webhooks, generate_series(1, $1)
            """,
            MAX_WEBHOOKS - 4,
        )
        outcomes = await asyncio.gather(*(env.webhook(URL) for _ in range(8)), return_exceptions=True)
        reasons = sorted(getattr(outcome, "reason", "") for outcome in outcomes)
        assert reasons == [""] * 3 + ["TOO_MANY_WEBHOOKS"] * 5
        assert len(await env.execute("SELECT FROM webhooks")) == MAX_WEBHOOKS


async def test_webhooks_and_deliveries_are_listed_newest_first_page_by_page(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        made = [(await env.webhook(URL, description=str(n))).webhook for n in range(5)]
        page, token = await env.webhooks.page(ITSELF, 3, "")
        rest, end = await env.webhooks.page(ITSELF, 3, token)
        assert [*page, *rest] == made[::-1]
        assert end == ""

        for number in range(3):
            await env.request(f"r{number}")
            await env.event(f"r{number}")
        everything = DeliveryFilter()
        first, token = await env.webhooks.deliveries(everything, ITSELF, 10, "")
        second, end = await env.webhooks.deliveries(everything, ITSELF, 10, token)
        assert (len(first), len(second), end) == (10, 5, "")
        assert len({each.id for each in (*first, *second)}) == 15
        assert first[0].human_request_id == "r2"
        assert (
            await refused(env.webhooks.deliveries(DeliveryFilter(status="failed"), ITSELF, 10, token))
            == "PAGE_TOKEN_INVALID"
        )
        for wanted, count in (
            (DeliveryFilter(webhook_id=str(made[0].id)), 3),
            (DeliveryFilter(human_request_id="r1"), 5),
            (DeliveryFilter(webhook_id=str(made[0].id), human_request_id="r1", status="pending"), 1),
            (DeliveryFilter(status="failed"), 0),
        ):
            assert len((await env.webhooks.deliveries(wanted, ITSELF, 50, ""))[0]) == count
        shown = messages.delivery_to(first[0])
        assert (shown.status, shown.event_kind, shown.url) == ("pending", "created", "http://127.0.0.1:9/[masked]")
        assert shown.HasField("next_attempt_at")
        assert not shown.HasField("delivered_at")


async def test_after_a_start_with_a_new_key_the_old_one_may_go(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env, webhook_receiver() as peer:
        issued = await env.webhook(peer.url())
        file = tmp_path / "key"
        new = Fernet.generate_key().decode()
        file.write_text(f"{new}\n{file.read_text()}")
        await Webhooks(env.database, env.client, Sealing.load(file, "KEYS")).reseal()
        file.write_text(new)
        env.sealing = Sealing.load(file, "KEYS")
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("delivered"))
        assert peer.received[0].checked(issued.secret)


async def test_a_lost_key_is_told_in_the_log_and_in_the_deliveries(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path, hitl_delivery_attempts=1) as env, webhook_receiver() as peer:
        await env.webhook(peer.url())
        env.sealing = Sealing([Fernet(Fernet.generate_key())])
        with structlog.testing.capture_logs() as lines:
            await Webhooks(env.database, env.client, env.sealing).reseal()
        assert [line["event"] for line in lines] == ["secret_unreadable"]
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        ((delivery,), _) = await env.webhooks.deliveries(DeliveryFilter(), ITSELF, 0, "")
        assert "No key of this installation" in delivery.last_error
        assert peer.received == []
