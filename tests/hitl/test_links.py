"""Action links: who may make one, what its page shows, and that it answers once."""

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from qmcp.hitl.v1 import hitl_service_pb2

from servicekit.errors import ServiceError, Violation
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.hitl import errors
from services.hitl.links import pages, store
from services.hitl.links.links import FORM, JSON, Links, digest
from services.hitl.messages import webhooks as messages
from services.hitl.models import Answer, HumanRequest, IssuedLink, OnExpiry, RequestSpec, Response
from tests.hitl.environment import Environment, environment, had

AGENT = Viewer.of(Principal("agent", frozenset({"hitl.link"}), key_id="0123456789abcdef"), "hitl")
ADMIN = Viewer.of(Principal("root", frozenset({"*"})), "hitl")
UNKNOWN = "A" * 43


class Asked(Environment):
    """The environment with links, and the core of the service as far as links see it."""

    links: Links
    given: list[Answer]
    extra: dict[str, Any]
    refuse: ServiceError | None
    # What whoever made a link may do now.
    may: frozenset[str]

    async def granted(self, references: Sequence[str]) -> dict[str, Principal]:
        assert list(references) == ["key:0123456789abcdef"]
        return dict.fromkeys(references, Principal("", self.may))

    async def find(self, connection: Connection, human_request_id: str, _viewer: Viewer) -> HumanRequest:
        row = await connection.fetchrow(
            "SELECT *, expires_at <= clock_timestamp() AS overdue FROM human_requests WHERE id = $1", human_request_id
        )
        if row is None:
            raise errors.human_request_not_found(human_request_id)
        spec = RequestSpec(
            id=row["id"],
            request_type=row["request_type"],
            prompt=row["prompt"],
            options=row["options"],
            context=json.loads(row["context"]),
            timeout_seconds=row["timeout_seconds"],
            correlation_id=row["correlation_id"],
            response_schema=None,
            proposed_arguments=None,
            arguments_schema=None,
            priority=row["priority"],
            due_at=row["due_at"],
            assignees=row["assignees"],
            groups=row["groups"],
            tags=(),
            callback_url="",
            on_expiry=OnExpiry(),
            quorum=None,
            four_eyes=row["four_eyes"],
            requester=row["requester"],
        )
        spec = replace(spec, **self.extra)
        return HumanRequest(spec, row["status"], row["created_at"], row["expires_at"], row["overdue"], b"")

    async def give(self, answer: Answer) -> Response:
        assert answer.token_digest is not None
        async with self.database.transaction() as connection:
            if not await store.use(connection, answer.token_digest):
                raise errors.link_not_valid()
            if self.refuse is not None:
                raise self.refuse
            self.given.append(answer)
        return Response(
            id=answer.id,
            human_request_id=answer.human_request_id,
            response=answer.response,
            responded_by=answer.responded_by,
            created_at=datetime.now(UTC),
            response_metadata={},
            comment=answer.comment,
            edited_arguments=None,
            decides=True,
            via=answer.via,
        )

    async def issue(
        self, person: str = "alice", seconds: int = 0, by: Viewer = AGENT, human_request_id: str = "r1"
    ) -> IssuedLink:
        request = hitl_service_pb2.CreateActionLinkRequest()
        return await had(request, lambda once: self.links.create(human_request_id, person, seconds, by, once))

    async def link(
        self, person: str = "alice", seconds: int = 0, by: Viewer = AGENT, human_request_id: str = "r1"
    ) -> str:
        return (await self.issue(person, seconds, by, human_request_id)).token

    async def post(self, token: str, *, for_people: bool = True, **fields: str) -> pages.Page:
        return await self.links.answer(token, FORM, urlencode(fields).encode(), for_people=for_people)

    async def show(self, token: str) -> str:
        return (await self.links.show(token, for_people=True)).body.decode()


@asynccontextmanager
async def asked(database: str, folder: Path, **extra: Any):  # type: ignore[no-untyped-def]
    async with environment(database, folder) as env:
        env.__class__ = Asked
        env.given, env.extra, env.refuse, env.may = [], extra, None, frozenset({"hitl.link"})
        env.links = Links(env.database, env.find, env.record_event, env.give, env.granted)
        await env.request()
        yield env


async def refused(call: Any) -> str:
    with pytest.raises(ServiceError) as error:
        await call
    return error.value.reason


async def test_a_link_ends_with_the_key_by_which_it_was_made(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        token, of_nobody_checked = await env.link(), await env.link(by=ADMIN)
        for may in (frozenset[str](), frozenset({"hitl.ask"})):
            env.may = may
            assert "May I?" not in await env.show(token)
            assert "not valid" in await env.show(token)
            assert (await env.post(token, response="yes")).status == 404
        assert "May I?" in await env.show(of_nobody_checked), "no credential is known for it"
        env.may = frozenset({"hitl.*"})
        assert "May I?" in await env.show(token)


async def test_what_strangers_write_is_isolated_and_hides_nothing(database: str, tmp_path: Path) -> None:
    bad = "\u202eegap eht nrut\u200b"
    texts: dict[str, Any] = {"prompt": f"prompt{bad}", "request_type": f"type{bad}", "requester": f"agent{bad}"}
    inner = {"context": {f"name{bad}": f"value{bad}"}, "proposed_arguments": {f"to{bad}": [f"item{bad}"]}}
    options = [f"yes{bad}", "no"]
    async with asked(database, tmp_path, options=options, **texts, **inner) as env:
        shown = await env.show(await env.link())
        assert shown.count("<bdi>") == shown.count("</bdi>") == 10
        # The answer itself is exact; it is no text that is read.
        value = f'value="{options[0]}"'
        assert value in shown
        read = shown.replace(value, "")
        assert not {"\u202e", "\u200b"} & set(read)
        assert read.count("⟨U+202E⟩") == 8


async def test_a_link_shows_the_question_and_answers_it_once(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path, options=["yes", "no"]) as env:
        token = await env.link()
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
        for _ in range(2):
            shown = await env.show(token)
            assert "May I?" in shown
            assert re.findall(r'type="radio" name="response" value="(\w+)"', shown) == ["yes", "no"]
        assert env.given == []

        page = await env.post(token, response="no", comment="not\r\ntoday")
        assert (page.status, "recorded" in page.body.decode()) == (200, True)
        (answer,) = env.given
        assert (answer.response, answer.comment, answer.responded_by, answer.via) == (
            "no",
            "not\ntoday",
            "alice",
            "link",
        )
        assert (answer.human_request_id, answer.roles, answer.token_digest) == ("r1", frozenset(), digest(token))

        again = await env.post(token, response="yes")
        assert (again.status, "This link is not valid" in again.body.decode()) == (404, True)
        assert (await env.links.show(token, for_people=True)).status == 404
        assert len(env.given) == 1
        assert await env.kinds() == ["linked"]


async def test_of_many_who_use_a_link_at_once_one_answers(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        token = await env.link()
        answers = await asyncio.gather(*(env.post(token, response=str(number)) for number in range(12)))
        assert sorted(page.status for page in answers) == [200] + [404] * 11
        assert len(env.given) == 1


async def test_an_answer_that_is_refused_leaves_the_link_unused(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path, options=["yes", "no"]) as env:
        token = await env.link()
        env.refuse = errors.response_invalid([Violation("response", "is none of the options <>")])
        page = await env.post(token, response="no", comment="<b>why</b>")
        text = page.body.decode()
        assert page.status == 400
        assert "is none of the options &lt;&gt;" in text
        assert "&lt;b&gt;why&lt;/b&gt;" in text
        assert 'value="no" required checked' in text
        env.refuse = errors.already_responded("r1")
        page = await env.post(token, response="no")
        assert (page.status, "answered already" in page.body.decode()) == (409, True)
        env.refuse = errors.expired("r1")
        assert (await env.post(token, response="no")).status == 410
        assert await refused(env.post(token, for_people=False, response="no")) == "HUMAN_REQUEST_EXPIRED"
        env.refuse = None
        assert (await env.post(token, response="no")).status == 200


async def test_unknown_used_late_and_ended_links_are_all_the_same(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        used, late = await env.link(), await env.link()
        await env.post(used, response="x")
        await env.execute("UPDATE action_links SET expires_at = now() WHERE token_digest = $1", digest(late))
        overdue = await env.link(human_request_id=await env.request("r2"))
        await env.execute("UPDATE human_requests SET expires_at = now() WHERE id = 'r2'")
        ended = await env.link(human_request_id=await env.request("r3"))
        await env.execute("UPDATE human_requests SET status = 'cancelled' WHERE id = 'r3'")
        pages_shown = set()
        for token in (UNKNOWN, used, late, overdue, ended):
            for call in (env.links.show(token, for_people=False), env.post(token, for_people=False, response="x")):
                with pytest.raises(ServiceError) as error:
                    await call
                assert error.value.reason == "LINK_NOT_VALID"
                assert token not in repr(error.value)
            pages_shown.add((await env.links.show(token, for_people=True)).body)
            pages_shown.add((await env.post(token, response="x")).body)
        assert len(pages_shown) == 1


async def test_a_link_ends_with_its_request_or_earlier(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        for seconds, minutes in ((0, 60), (600, 10), (31_536_000, 60)):
            issued = await env.issue(seconds=seconds)
            left = (issued.link.expires_at - datetime.now(UTC)).total_seconds() / 60
            assert minutes - 1 < left <= minutes
        shown = messages.link_to(issued.link, issued.token)
        assert (shown.path, shown.person) == (f"/v1/human/links/{issued.token}", "alice")
        assert messages.link_to(issued.link).path == ""


async def test_links_are_made_only_for_those_who_are_asked(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        assert await env.link(by=ADMIN)
        assert await refused(env.link(human_request_id="r9")) == "HUMAN_REQUEST_NOT_FOUND"
        await env.request("r2", assignees=["alice", "bob"])
        assert await env.link("bob", human_request_id="r2")
        assert await refused(env.link("carol", human_request_id="r2")) == "NOT_ASSIGNED"
        await env.request("r3")
        await env.execute("UPDATE human_requests SET groups = '{ops}' WHERE id = 'r3'")
        assert await refused(env.link("carol", human_request_id="r3")) == "NOT_ASSIGNED"
        await env.request("r4")
        await env.execute("UPDATE human_requests SET four_eyes = true WHERE id = 'r4'")
        assert await refused(env.link(human_request_id="r4")) == "FOUR_EYES"
        assert await refused(env.link("agent", by=ADMIN, human_request_id="r4")) == "FOUR_EYES"
        assert await env.link(by=ADMIN, human_request_id="r4")
        await env.request("r5")
        await env.execute("UPDATE human_requests SET status = 'responded' WHERE id = 'r5'")
        assert await refused(env.link(human_request_id="r5")) == "HUMAN_REQUEST_ENDED"
        assert await env.kinds("r5") == []


async def test_the_token_is_in_no_table_and_no_log(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        with structlog.testing.capture_logs() as lines:
            token = await env.link()
            await env.show(token)
            await env.post(token, response="x")
            await env.post(token, response="x")
        for table in ("action_links", "human_request_events", "human_requests"):
            rows = await env.execute(f"SELECT {table}::text AS text FROM {table}")
            assert rows
            assert token not in repr([row["text"] for row in rows])
        assert token not in repr(lines)


async def test_whatever_is_asked_is_text_on_the_page(database: str, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&{{ 7777 * 7777 }}"
    extra = {
        "prompt": evil,
        "options": [evil, "ok"],
        "context": {evil: evil, "nested": {"a": [1, evil]}},
        "proposed_arguments": {"path": evil},
        "requester": "agent",
        "request_type": evil,
        "due_at": datetime(2030, 1, 2, 3, 4, tzinfo=UTC),
    }
    async with asked(database, tmp_path, **extra) as env:
        token = await env.link(person=evil)
        shown = await env.show(token)
        assert "<script" not in shown
        assert "onerror" not in shown
        assert unescape(shown).count(evil) >= 8
        assert "2030-01-02 03:04" in shown
        assert "60481729" not in shown
        assert (await env.post(token, response=evil)).status == 200
        assert env.given[0].response == evil


async def test_pages_load_nothing_and_are_kept_nowhere(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        token = await env.link()
        for page in (
            await env.links.show(token, for_people=True),
            await env.links.show(UNKNOWN, for_people=True),
            await env.post(token, response="x"),
        ):
            assert page.content_type == "text/html; charset=utf-8"
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["x-content-type-options"] == "nosniff"
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert not re.search(r"src=|href=|@import|url\(|<script|style=", page.body.decode())


@pytest.mark.parametrize(
    ("schema", "text", "meant"),
    [
        (None, "12", "12"),
        (None, "a\r\nb", "a\nb"),
        ({"type": "string"}, "12", "12"),
        ({"type": "integer"}, "12", 12),
        ({"type": "object"}, '{"a": [1, null]}', {"a": [1, None]}),
        ({"type": "object"}, "no json", "no json"),
        ({}, "true", True),
        ({"type": "integer"}, "1234567890123456789", None),
        ({"type": "object"}, "[" * 10_000, "[" * 10_000),
    ],
)
async def test_a_text_of_the_form_is_what_the_schema_makes_of_it(
    database: str, tmp_path: Path, schema: Any, text: str, meant: Any
) -> None:
    async with asked(database, tmp_path, response_schema=schema) as env:
        token = await env.link()
        assert ("as JSON" in await env.show(token)) == (schema is not None and schema.get("type") != "string")
        await env.post(token, response=text)
        assert [each.response for each in env.given] == ([] if meant is None else [meant])


async def test_an_option_with_line_ends_is_found_again(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path, options=["one\ntwo", "three\r\nfour"]) as env:
        for sent, meant in (("one\r\ntwo", "one\ntwo"), ("three\r\nfour", "three\r\nfour")):
            await env.post(await env.link(), response=sent)
            assert env.given[-1].response == meant


async def test_json_is_taken_and_answered_as_json(database: str, tmp_path: Path) -> None:
    async with asked(database, tmp_path) as env:
        body = b"\xef\xbb\xbf" + json.dumps({"response": {"a": [1, "ü"]}, "comment": "c"}).encode()
        page = await env.links.answer(await env.link(), f"{JSON}; charset=utf-8", body, for_people=False)
        assert page.content_type == "application/json"
        found = json.loads(page.body)
        assert (found["response"], found["responded_by"], found["decides"]) == ({"a": [1, "ü"]}, "alice", True)
        assert env.given[0].comment == "c"


async def test_what_is_no_form_is_refused_and_leaves_the_link(database: str, tmp_path: Path) -> None:
    no_forms = [
        (FORM, b""),
        (FORM, b"comment=x"),
        (FORM, b"response=a&response=b"),
        (FORM, b"response=a&other=b"),
        (FORM, b"response=%FF"),
        (FORM, b"\xff"),
        (FORM, b"response=a&comment=" + b"x" * 8193),
        (FORM, b"response=" + b"x" * 262_144),
        (FORM, b"&".join(b"a%d=1" % number for number in range(20))),
        (JSON, b"[]"),
        (JSON, b'"yes"'),
        (JSON, b'{"response": "a", "responded_by": "mallory"}'),
        (JSON, b'{"response": "a", "comment": 1}'),
        (JSON, b"[" * 100_000),
        (JSON, b'{"response": "a", "response": "b"}'),
        (JSON, b'{"response": {"id": 1234567890123456789}}'),
        (JSON, b"{'response': 'a'}"),
        ("text/plain", b"response=a"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b""),
    ]
    async with asked(database, tmp_path) as env:
        token = await env.link()
        for content_type, body in no_forms:
            answer = env.links.answer(token, content_type, body, for_people=False)
            assert await refused(answer) == "INVALID_REQUEST", body
            page = await env.links.answer(token, content_type, body, for_people=True)
            assert (page.status, "<form" in page.body.decode()) == (400, True), body
        assert env.given == []
        assert (await env.post(token, response="x")).status == 200
