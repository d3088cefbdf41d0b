"""Addresses that may not be told (SSRF): refused when they are registered, and again when they are connected to."""

import asyncio
import socket
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from servicekit.errors import ServiceError
from servicekit.retry_after import seconds_of
from servicekit.ssrf import AddressPolicy
from servicekit.webhooks.client import WebhookClient
from tests.hitl.environment import environment
from tests.webhook_receiver import until, webhook_receiver

pytestmark = pytest.mark.own_names

INWARD = [
    "http://127.0.0.1:{port}/hook",
    "http://localhost:{port}/hook",
    "http://x.localhost:{port}/hook",
    "http://[::1]:{port}/hook",
    "http://2130706433:{port}/hook",
    "http://127.1:{port}/hook",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/hook",
    "http://[::ffff:127.0.0.1]:{port}/hook",
    "http://user@127.0.0.1:{port}/hook",
    "http://inward.example:{port}/hook",
]


class Names:
    """The name service of these tests, whatever loop asks: inward.example is this machine, nowhere.example is not.

    turning.example is outside for whoever asks first, and this machine from then on.
    """

    turned = 0

    async def getaddrinfo(self, host: str, port: int, **how: Any) -> Any:
        if host == "inward.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        if host == "turning.example":
            Names.turned += 1
            outward = Names.turned == 1
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34" if outward else "127.0.0.1", port))]
        if host == "nowhere.example":
            raise socket.gaierror(-2, "Name or service not known")
        return await asyncio.get_running_loop().getaddrinfo(host, port, **how)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servicekit.ssrf.asyncio", SimpleNamespace(get_running_loop=Names))


@pytest.mark.parametrize("url", INWARD)
async def test_an_inward_address_is_refused_when_it_is_registered(url: str) -> None:
    client = WebhookClient(AddressPolicy(()), 4, 2, "tests")
    with pytest.raises(ServiceError) as refused:
        await client.require_allowed("webhook.url", url.format(port=80))
    assert refused.value.reason == "ADDRESS_NOT_ALLOWED"
    assert refused.value.violations[0].field == "webhook.url"


@pytest.mark.parametrize("url", INWARD)
async def test_an_inward_address_is_refused_again_when_it_is_told(url: str) -> None:
    async with aclosing(WebhookClient(AddressPolicy(()), 4, 2, "tests")) as client, webhook_receiver() as peer:
        result = await client.post(url.format(port=peer.port), {"webhook-id": "1"}, b"{}")
        assert result.status == 0
        assert "address" in result.error
        assert peer.received == []


@pytest.mark.parametrize("url", ["http://8.8.8.8/hook", "https://nowhere.example/hook"])
async def test_an_outward_address_may_be_registered(url: str) -> None:
    refused = ""
    try:
        await WebhookClient(AddressPolicy(()), 4, 2, "tests").require_allowed("callback_url", url)
    except ServiceError as error:
        refused = error.reason
    assert not refused


@pytest.mark.parametrize("url", ["http:///hook", "http://:80/", "http://a:b:c/", "http://[::1/", "http://a:99999/"])
async def test_what_is_no_url_is_refused_in_words(url: str) -> None:
    async with aclosing(WebhookClient(AddressPolicy(()), 4, 2, "tests")) as client:
        with pytest.raises(ServiceError) as refused:
            await client.require_allowed("callback_url", url)
        assert refused.value.reason in {"INVALID_REQUEST", "ADDRESS_NOT_ALLOWED"}
        assert (await client.post(url, {}, b"")).error


async def test_a_redirect_inward_is_not_followed(database: str, tmp_path: Path) -> None:
    async with (
        environment(database, tmp_path, hitl_delivery_attempts=1) as env,
        webhook_receiver() as peer,
        webhook_receiver() as inward,
    ):
        peer.answers = [307]
        peer.headers = {"Location": inward.url("/secret")}
        await env.webhook(peer.url())
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        assert inward.received == []
        assert len(peer.received) == 1


async def test_what_is_connected_to_is_what_was_checked_also_where_a_name_turns_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Names, "turned", 0)
    asked = []

    async def connect(*, addr_infos: Any, **_: Any) -> Any:
        asked.extend(each[-1][0] for each in addr_infos)
        raise OSError("nobody is there")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", connect)
    async with aclosing(WebhookClient(AddressPolicy(()), 4, 2, "tests")) as client:
        assert "Cannot connect" in (await client.post("http://turning.example:8/hook", {}, b"{}")).error
        assert (asked, Names.turned) == (["93.184.216.34"], 1), "asked once, and taken at its word"
        refused = await client.post("http://turning.example:8/hook", {}, b"{}")
    assert "turning.example, which is 127.0.0.1, is an address that may not be reached" in refused.error
    assert asked == ["93.184.216.34"]


async def test_a_name_that_turns_inward_later_is_not_told(database: str, tmp_path: Path) -> None:
    async with (
        environment(database, tmp_path, hitl_allowed_networks=(), hitl_delivery_attempts=1) as env,
        webhook_receiver() as peer,
    ):
        issued = await env.webhook("http://nowhere.example/hook")
        # The name leads elsewhere since.
        inward = f"http://inward.example:{peer.port}/hook"
        await env.execute("UPDATE webhooks SET url = $2 WHERE id = $1", issued.webhook.id, inward)
        await env.request()
        await env.start()
        await env.event()
        await until(lambda: env.all("failed"))
        (row,) = await env.execute("SELECT last_error, last_status FROM deliveries")
        assert "inward.example, which is 127.0.0.1, is an address that may not be reached" in row["last_error"]
        assert peer.received == []


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("", 0, 0),
        ("120", 120, 120),
        ("9" * 400, 999_999_999, 999_999_999),
        ("²", 0, 0),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1e8, 1e11),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, least: float, most: float) -> None:
    assert least <= seconds_of(header) <= most
