"""Webhooks, links and similar requests through the wire, with everything that the service is made of."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from tests.hitl.service import Replica, Start, pb
from tests.webhook_receiver import until, webhook_receiver
from tests.wire import query

BROWSER = (("accept", "text/html,*/*"),)


async def form(replica: Replica, path: str, **fields: str) -> HttpBody:
    token = path.removeprefix("/v1/human/links/")
    body = HttpBody(content_type="application/x-www-form-urlencoded", data=urlencode(fields).encode())
    return await replica.stub.AnswerActionLink(pb.AnswerActionLinkRequest(token=token, form=body), metadata=BROWSER)


async def code(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code().name


async def test_what_happens_to_a_request_is_told_and_the_telling_is_in_its_history(start: Start) -> None:
    first, second = await start(), await start()
    async with webhook_receiver() as peer:
        webhook = await first.call("CreateWebhook", webhook={"url": peer.url(), "kinds": ["created", "decided"]})
        assert webhook.secret.startswith("whsec_")
        await first.ask("r1", context={"a": 1})
        await until(lambda: len(peer.received) == 1)
        await second.answer("r1", "approve")
        await until(lambda: len(peer.received) == 2)
        created, decided = (each.checked(webhook.secret) for each in peer.received)
        assert (created["type"], decided["type"]) == ("human_request.created", "human_request.decided")
        assert decided["data"]["request"]["status"] == "responded"
        assert decided["data"]["request"]["response"]["response"] == "approve"
        assert decided["data"]["principal"] == decided["data"]["request"]["response"]["responded_by"]
        assert decided["data"]["sequence"] > created["data"]["sequence"]

        async def told() -> bool:
            return (await first.history("r1")).count("delivered") == 2

        await until(told)
        listed = (await first.call("ListDeliveries", human_request_id="r1")).deliveries
        assert {each.status for each in listed} == {"delivered"}
        assert (await first.call("RetryDelivery", id=listed[0].id)).status == "pending"
        await until(lambda: len(peer.received) == 3)


async def test_a_retry_of_a_webhook_or_link_makes_no_second_one_and_shows_no_secret(start: Start) -> None:
    replica = await start()
    fields: dict[str, Any] = {"webhook": {"url": "http://127.0.0.1:9/x"}, "idempotency_key": "once"}
    made = await replica.call("CreateWebhook", **fields)
    again = await replica.call("CreateWebhook", **fields)
    assert (made.id, bool(made.secret), again.secret) == (again.id, True, "")
    assert not (await replica.call("GetWebhook", id=made.id)).secret
    assert len((await replica.call("ListWebhooks")).webhooks) == 1
    await replica.ask("r1")
    wanted = {"id": "r1", "person": "alice", "idempotency_key": "link"}
    link, repeated = await replica.call("CreateActionLink", **wanted), await replica.call("CreateActionLink", **wanted)
    assert (bool(link.path), repeated.path, repeated.expires_at) == (True, "", link.expires_at)
    rows = await query(replica.settings.database_url, "SELECT idempotency_keys::text AS text FROM idempotency_keys")
    assert made.secret.removeprefix("whsec_") not in repr(rows)
    assert link.path.rpartition("/")[2] not in repr(rows)


async def test_a_link_decides_in_the_name_of_its_person_once(start: Start) -> None:
    replica = await start()
    await replica.ask("r1", assignees=["alice"])
    link = await replica.call("CreateActionLink", id="r1", person="alice")
    assert await code(replica.call("CreateActionLink", id="r1", person="bob")) == "PERMISSION_DENIED"
    token = link.path.removeprefix("/v1/human/links/")
    call = replica.stub.ShowActionLink(pb.ShowActionLinkRequest(token=token), metadata=BROWSER)
    shown, headers = await call, dict(await call.initial_metadata())
    assert (shown.content_type, b"Deploy?" in shown.data) == ("text/html; charset=utf-8", True)
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]

    refused = await form(replica, link.path, response="maybe")
    assert (b"<form" in refused.data, b'role="alert"' in refused.data) == (True, True)
    outcomes = await asyncio.gather(*(form(replica, link.path, response="approve") for _ in range(5)))
    assert sum(b"Thank you" in each.data for each in outcomes) == 1
    decided = await replica.get("r1")
    assert (decided.status, decided.response.responded_by, decided.response.via) == ("responded", "alice", "link")
    call = replica.stub.ShowActionLink(pb.ShowActionLinkRequest(token=token), metadata=BROWSER)
    assert b"not valid" in (await call).data
    assert dict(await call.initial_metadata())["x-http-status"] == "404"
    assert await code(replica.call("ShowActionLink", token=token)) == "NOT_FOUND"


async def test_links_made_at_once_do_not_wait_for_each_other_in_a_circle(start: Start) -> None:
    replica = await start()
    await replica.ask("r1")
    people = [replica.call("CreateActionLink", id="r1", person=f"p{number}") for number in range(20)]
    assert len({link.path for link in await asyncio.gather(*people)}) == 20


async def test_similar_requests_are_found_where_they_are_switched_on(start: Start) -> None:
    replica = await start(hitl_similar_requests=True)
    for name, prompt in (("a", "Deploy the billing service"), ("b", "Deploy the search service"), ("c", "Buy milk")):
        await replica.ask(name, prompt=prompt)
        await replica.answer(name)
    await replica.ask("new", prompt="Deploy the billing service again")
    found = (await replica.call("FindSimilarHumanRequests", id="new")).requests
    assert [each.id for each in found][:2] == ["a", "b"]
    assert found[0].response.decides


async def test_a_link_ends_when_somebody_else_is_asked(start: Start) -> None:
    replica = await start()
    await replica.ask("r1", assignees=["alice"])
    link = await replica.call("CreateActionLink", id="r1", person="alice")
    await replica.call("AssignHumanRequest", id="r1", assignees=["bob"])
    page = await form(replica, link.path, response="approve")
    assert b"Somebody else is asked now" in page.data
    assert (await replica.get("r1")).status == "pending"
    # Asked again, she may: nothing has used the link up.
    await replica.call("AssignHumanRequest", id="r1", assignees=["alice"])
    await form(replica, link.path, response="approve")
    assert (await replica.get("r1")).response.responded_by == "alice"


@pytest.mark.parametrize("asked", [{"assignees": ["alice"]}, {"assignees": ["alice"], "binding": True}])
async def test_the_link_of_who_is_not_asked_any_more_tells_nothing_of_the_question(start: Start, asked: Any) -> None:
    replica = await start()
    await replica.ask("the-cAnArY", prompt="Sell the cAnArY?", options=["sell cAnArY", "keep"], **asked)
    link = await replica.call("CreateActionLink", id="the-cAnArY", person="alice")
    token = link.path.rpartition("/")[2]
    assert (
        b"cAnArY" in (await replica.stub.ShowActionLink(pb.ShowActionLinkRequest(token=token), metadata=BROWSER)).data
    )
    await replica.call("AssignHumanRequest", id="the-cAnArY", assignees=["bob"])

    async def seen() -> str:
        told = ""
        for metadata in (BROWSER, ()):
            body = HttpBody(content_type="application/x-www-form-urlencoded", data=b"response=nonsense")
            for call in (
                replica.stub.ShowActionLink(pb.ShowActionLinkRequest(token=token), metadata=metadata),
                replica.stub.AnswerActionLink(pb.AnswerActionLinkRequest(token=token, form=body), metadata=metadata),
            ):
                try:
                    told += (await call).data.decode()
                except grpc.aio.AioRpcError as error:
                    told += f"{error.details()} {error.trailing_metadata()}"
        return told

    told = await seen()
    assert "cAnArY" not in told
    assert "Somebody else is asked now" in told
    await replica.call("CancelHumanRequest", id="the-cAnArY")
    assert "cAnArY" not in await seen()
