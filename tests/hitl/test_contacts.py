"""People are told by mail and chat that they are asked, answer from there once, and are left alone when they wish."""

import re
from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from tests.hitl.service import Replica, Start, pb
from tests.mail_receiver import MailReceiver, mail_receiver
from tests.webhook_receiver import until, webhook_receiver
from tests.wire import query

HOSTILE = "<!channel> @all [here](http://evil.example) ```` *now* \u202etxet"
LINK = re.compile(r"https://qmcp\.example\.com/v1/human/links/([\w-]+)")
UNSUBSCRIBE = re.compile(r"https://qmcp\.example\.com/v1/human/unsubscribe/([\w-]+)")
CHATS = {"hitl_public_url": "https://qmcp.example.com/"}


def mails(peer: MailReceiver, **changes: Any) -> dict[str, Any]:
    return {**CHATS, "hitl_smtp_url": peer.url, "hitl_mail_from": "QMCP <qmcp@example.com>", **changes}


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code().name, error.value.details() or ""


async def answered(replica: Replica, token: str, response: str = "approve") -> None:
    form = HttpBody(content_type="application/json", data=f'{{"response": "{response}"}}'.encode())
    await replica.stub.AnswerActionLink(pb.AnswerActionLinkRequest(token=token, form=form))


async def ready_again(replica: Replica) -> None:
    """The quiet hours are over, by the clock of the database."""
    await query(
        replica.settings.database_url,
        "UPDATE deliveries SET next_attempt_at = now() RETURNING pg_notify('deliveries', '')",
    )


async def pending(replica: Replica, contact_id: str) -> list[Any]:
    return list((await replica.call("ListDeliveries", contact_id=contact_id, status="pending")).deliveries)


def all_day(**changes: str) -> dict[str, str]:
    return {"begin": "00:00", "end": "23:59", "time_zone": "UTC", **changes}


async def test_who_is_asked_gets_a_mail_answers_from_it_once_and_wants_no_more_of_them(start: Start) -> None:
    async with mail_receiver() as peer:
        first, second = await start(**mails(peer)), await start(**mails(peer))
        contact = await first.call(
            "CreateContact", contact={"kind": "email", "address": "ada@example.com", "person": "ada"}
        )
        await first.ask("r1", prompt=HOSTILE, assignees=["ada"], proposed_arguments={"amount": "<b>7</b>"})
        await first.ask("of others", assignees=["bob"])
        await until(lambda: peer.received)
        [mail] = peer.received
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert (mail["To"], mail["From"]) == ("ada@example.com", "QMCP <qmcp@example.com>")
        assert "amount: <b>7</b>" in text
        assert "&lt;b&gt;7&lt;/b&gt;" in html
        assert "\u202e" not in text + html + mail["Subject"]
        assert "⟨U+202E⟩" in text
        [token], [other] = set(LINK.findall(text)), set(LINK.findall(html))
        assert token == other

        await answered(second, token)
        assert (await refused(answered(first, token)))[0] == "NOT_FOUND"
        decided = await first.get("r1")
        assert (decided.status, decided.response.responded_by) == ("responded", "ada")
        how = dict(decided.response.response_metadata.items())
        assert how == {"contact_id": contact.id, "channel": "email"}
        assert [kind for kind in await first.history("r1") if kind in {"delivered", "decided"}] == [
            "delivered",
            "decided",
        ]
        [delivery] = (await first.call("ListDeliveries", contact_id=contact.id)).deliveries
        assert (delivery.status, delivery.last_status, delivery.url) == ("delivered", 250, "")

        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        [unsubscribe] = UNSUBSCRIBE.findall(mail["List-Unsubscribe"])
        # Mail programs take it as it stands, in one piece and in no encoding.
        assert f"<https://qmcp.example.com/v1/human/unsubscribe/{unsubscribe}>\r\n".encode() in peer.raw[0]
        page = await first.stub.ShowUnsubscribe(pb.ShowUnsubscribeRequest(token=unsubscribe))
        assert b"ada" in page.data
        assert not (await first.call("GetContact", id=contact.id)).paused
        forged = unsubscribe[:-2] + ("AA" if unsubscribe[-2:] != "AA" else "BB")
        assert (await refused(first.call("Unsubscribe", token=forged)))[0] == "NOT_FOUND"
        await second.call("Unsubscribe", token=unsubscribe)
        assert (await first.call("GetContact", id=contact.id)).paused
        await first.ask("r2", assignees=["ada"])
        assert not await pending(first, contact.id)


@pytest.mark.parametrize("kind", ["slack", "mattermost", "teams"])
async def test_a_chat_is_told_to_the_letter_once_a_request_and_its_person_answers_for_their_groups(
    start: Start, kind: str
) -> None:
    replica = await start(**CHATS)
    async with webhook_receiver() as peer:
        contact = {"kind": kind, "address": peer.url("/secret"), "person": "ada", "groups": ["finance"]}
        made = await replica.call("CreateContact", contact=contact)
        await replica.ask("r1", prompt=HOSTILE, groups=["finance"])
        await until(lambda: peer.received)
        [told] = [each.message for each in peer.received]
        [shown] = shown_by(kind, told)
        assert "<!channel> @all [here](http://evil.example) ```` *now* ⟨U+202E⟩txet" in shown
        # Named once more, the same person is told nothing new; who is reminded is, but not at once.
        await replica.call("AssignHumanRequest", id="r1", assignees=["ada"], groups=["finance"])
        await replica.call("RemindOfHumanRequest", id="r1")
        assert len((await replica.call("ListDeliveries", contact_id=made.id)).deliveries) == 1
        earlier = "UPDATE deliveries SET created_at = created_at - interval '11 minutes'"
        await query(replica.settings.database_url, earlier)
        await replica.call("RemindOfHumanRequest", id="r1")
        await until(lambda: len(peer.received) == 2)
        first, second = (LINK.findall(each.body.decode())[-1] for each in peer.received)
        assert first != second
        await answered(replica, second)
        assert (await refused(answered(replica, first)))[0] == "NOT_FOUND"
        decided = await replica.get("r1")
        assert decided.response.responded_by == "ada"
        assert decided.response.response_metadata["channel"] == kind
        assert (await replica.history("r1")).count("delivered") == 2
        assert (await replica.call("ListDeliveries", contact_id=made.id)).deliveries[0].last_status == 200


def shown_by(kind: str, told: Any) -> Sequence[str]:
    """The texts of a message that the chat shows as they are."""
    if kind == "slack":
        assert "<" not in told["text"]
        return [block["text"]["text"] for block in told["blocks"] if block.get("text", {}).get("type") == "plain_text"]
    if kind == "teams":
        body = told["attachments"][0]["content"]["body"]
        return [block["inlines"][0]["text"] for block in body if block["type"] == "RichTextBlock"]
    fence = re.findall("^`+", told["text"])[0]
    assert len(fence) > HOSTILE.count("`")
    return [block for block in told["text"].split(f"{fence}\n") if HOSTILE[:10] in block]


async def test_in_quiet_hours_only_what_is_urgent_comes_and_then_what_has_gathered_comes_as_one(start: Start) -> None:
    replica = await start(**CHATS)
    async with webhook_receiver() as peer:
        contact = {"kind": "slack", "address": peer.url(), "person": "ada", "quiet_hours": all_day(), "digest_from": 3}
        made = await replica.call("CreateContact", contact=contact)
        for number in range(5):
            await replica.ask(f"r{number}", assignees=["ada"])
        await replica.ask("now", assignees=["ada"], priority="urgent")
        await until(lambda: peer.received)

        async def left() -> int:
            return len(await pending(replica, made.id))

        async def only_the_quiet() -> bool:
            return await left() == 5

        await until(only_the_quiet)
        # One has ended by then, and of one somebody else is asked now.
        await replica.call("CancelHumanRequest", id="r0")
        await replica.call("AssignHumanRequest", id="r1", assignees=["bob"])
        await ready_again(replica)
        await until(lambda: len(peer.received) == 2)
        alone, together = ({*LINK.findall(each.body.decode())} for each in peer.received)
        assert (len(alone), len(together)) == (1, 3)
        for token in together:
            await answered(replica, token)
        assert [(await replica.get(f"r{number}")).status for number in range(5)] == [
            "cancelled",
            "pending",
            *["responded"] * 3,
        ]
        assert not await left()


async def test_who_asks_a_lot_at_once_is_one_message_a_minute_and_what_is_urgent_overtakes_it(start: Start) -> None:
    replica = await start(**CHATS)
    async with webhook_receiver() as peer:
        contact = {"kind": "slack", "address": peer.url(), "person": "ada", "digest_from": 2}
        made = await replica.call("CreateContact", contact=contact)

        def questions() -> list[int]:
            return [len({*LINK.findall(each.body.decode())}) for each in peer.received]

        async def held() -> int:
            return len(await pending(replica, made.id))

        async def all_are_told() -> bool:
            return await held() == 0

        for number in range(2):
            await replica.ask(f"r{number}", assignees=["ada"])
        await until(all_are_told)
        for number in range(2, 6):
            await replica.ask(f"r{number}", assignees=["ada"])
        await replica.ask("now", prompt="Stop it?", assignees=["ada"], priority="urgent")
        await until(lambda: sum(questions()) == 3)
        assert "Stop it?" in peer.received[-1].body.decode()
        assert await held() >= 4
        await query(
            replica.settings.database_url,
            "UPDATE deliveries SET delivered_at = delivered_at - interval '1 minute' RETURNING pg_notify('deliveries', '')",
        )
        await until(lambda: sum(questions()) == 7)
        assert questions()[-1] == 4


async def test_a_mail_server_that_says_later_is_asked_again_and_one_that_says_never_is_not(start: Start) -> None:
    async with mail_receiver() as peer:
        replica = await start(**mails(peer, hitl_delivery_first_pause_seconds=0.05))
        contact = {"kind": "email", "address": "ada@example.com", "person": "ada"}
        made = await replica.call("CreateContact", contact=contact)
        peer.answers = ["451 Later", "250 OK", "550 Never"]
        await replica.ask("r1", assignees=["ada"])
        await until(lambda: peer.received)
        await replica.ask("r2", assignees=["ada"])

        async def ended() -> bool:
            return "undeliverable" in await replica.history("r2")

        await until(ended)
        newest, oldest = (await replica.call("ListDeliveries", contact_id=made.id)).deliveries
        assert (oldest.status, oldest.attempts) == ("delivered", 2)
        assert (newest.status, newest.attempts, newest.last_status) == ("failed", 1, 550)
        assert "550 Never" in newest.last_error
        # The contact's links go with it.
        [token] = set(LINK.findall(peer.received[0].get_body(("plain",)).get_content()))
        await replica.call("DeleteContact", id=made.id)
        assert (await refused(answered(replica, token)))[0] == "NOT_FOUND"


async def test_a_password_goes_to_no_mail_server_in_clear(start: Start) -> None:
    async with mail_receiver() as peer:
        url = f"smtp://qmcp:s3cret@127.0.0.1:{peer.port}"
        replica = await start(**mails(peer, hitl_smtp_url=url, hitl_delivery_attempts=1))
        contact = {"kind": "email", "address": "ada@example.com", "person": "ada"}
        made = await replica.call("CreateContact", contact=contact)
        await replica.ask("r1", assignees=["ada"])

        async def ended() -> Any:
            deliveries = (await replica.call("ListDeliveries", contact_id=made.id)).deliveries
            return [each for each in deliveries if each.status == "failed"]

        [failed] = await until(ended)
        assert "TLS" in failed.last_error
        assert "s3cret" not in failed.last_error
        assert not peer.received
        assert not any("AUTH" in command for command in peer.commands)


async def test_a_contact_that_cannot_be_reached_is_refused_and_one_that_changed_is_not_overwritten(
    start: Start,
) -> None:
    nowhere, replica = await start(), await start(**CHATS, hitl_allowed_networks="")
    chat = {"kind": "slack", "address": "https://93.184.215.14/services/T/B", "person": "ada"}
    mail = {"kind": "email", "address": "ada@example.com", "person": "ada"}
    for asked, contact in ((nowhere, chat), (nowhere, mail), (replica, mail)):
        code, why = await refused(asked.call("CreateContact", contact=contact))
        assert code == "FAILED_PRECONDITION"
        assert "QMCP_HITL_PUBLIC_URL" in why
    for changes in (
        {"address": "http://127.0.0.1:1/hook"},
        {"address": "no address"},
        {"quiet_hours": all_day(time_zone="Mars/Olympus")},
        {"quiet_hours": all_day(begin="7:00")},
    ):
        assert (await refused(replica.call("CreateContact", contact={**chat, **changes})))[0] == "INVALID_ARGUMENT"
    made = await replica.call("CreateContact", contact=chat)
    changed = {**chat, "id": made.id, "etag": made.etag, "groups": ["finance"]}
    await replica.call("UpdateContact", contact=changed)
    assert (await refused(replica.call("UpdateContact", contact=changed)))[0] == "ABORTED"
    assert list((await replica.call("GetContact", id=made.id)).groups) == ["finance"]
    assert [each.id for each in (await replica.call("ListContacts", person="ada")).contacts] == [made.id]
    assert not (await replica.call("ListContacts", person="bob")).contacts


@pytest.mark.parametrize(
    ("at", "begin", "end", "zone", "then"),
    [
        ("2026-03-01 21:59Z", "22:00", "07:00", "UTC", "2026-03-01 21:59Z"),
        ("2026-03-01 22:00Z", "22:00", "07:00", "UTC", "2026-03-02 07:00Z"),
        ("2026-03-02 06:59Z", "22:00", "07:00", "UTC", "2026-03-02 07:00Z"),
        ("2026-03-02 07:00Z", "22:00", "07:00", "UTC", "2026-03-02 07:00Z"),
        ("2026-03-02 12:30Z", "12:00", "13:00", "UTC", "2026-03-02 13:00Z"),
        # The night in which clocks go forward.
        ("2026-03-28 21:30Z", "22:00", "07:00", "Europe/Berlin", "2026-03-29 05:00Z"),
        ("2026-03-02 12:30Z", None, None, "UTC", "2026-03-02 12:30Z"),
    ],
)
async def test_quiet_hours_end_by_the_clock_of_whoever_has_them(
    shared: Replica, at: str, begin: str | None, end: str | None, zone: str, then: str
) -> None:
    asked = (
        "SELECT after_quiet_hours($1::text::timestamptz, $2::text::time, $3::text::time, $4) = $5::text::timestamptz"
    )
    assert (await query(shared.settings.database_url, asked, at, begin, end, zone, then))[0][0]
