"""HTTP tools against a real server: what is sent, what is taken as the answer, what fails."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.tools.service import Replica, pb, python, refusal
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


async def run(
    replica: Replica, peer: Upstream, path: str, arguments: dict[str, Any] | None = None, **source: Any
) -> Any:
    """Registers a tool for a path of the peer and runs it once."""
    fields = {key: source.pop(key) for key in ("timeout_seconds", "output_schema") if key in source}
    await replica.update(name="under/test", http={"url": peer.url(path), **source}, **fields)
    return await replica.invoke("under/test", arguments, correlation_id="c-1")


@pytest.mark.parametrize("method", ["", "POST", "PUT", "PATCH"])
async def test_arguments_become_the_json_body(shared: Replica, peer: Upstream, method: str) -> None:
    made = await run(shared, peer, "/x", {"a": [1, None, "ü"], "b": {"c": 0.1}}, method=method)
    request = peer.requests[-1]
    assert (made.status, request.method) == ("success", method or "POST")
    assert orjson.loads(peer.bodies[-1]) == {"a": [1, None, "ü"], "b": {"c": 0.1}}
    assert request.content_type == "application/json"
    assert request.headers["x-correlation-id"] == "c-1"
    assert request.headers["x-qmcp-invocation-id"] == made.id


async def test_a_secret_reaches_the_peer_and_nobody_else(shared: Replica, peer: Upstream) -> None:
    header = {"Authorization": "Bearer ${secret.token}", "X-Two": "${secret.token}-${secret.token}", "X-No": "${token}"}
    made = await run(shared, peer, "/status/401", {}, headers=header)
    sent = peer.requests[-1].headers
    assert (sent["Authorization"], sent["X-Two"], sent["X-No"]) == ("Bearer s3cret", "s3cret-s3cret", "${token}")
    tool = await shared.stub.GetTool(pb.GetToolRequest(name="under/test"))
    assert "s3cret" not in f"{made}{tool}"


@pytest.mark.parametrize("name", ["missing", "..", ".", ".hidden"])
async def test_a_secret_that_is_not_there_is_missed_at_registration(shared: Replica, name: str) -> None:
    source = {"url": "https://a.example", "headers": {"X": f"${{secret.{name}}}"}}
    refused = await refusal(shared.create(name="secretive", http=source))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "SECRET_NOT_FOUND")


@pytest.mark.parametrize("user", ["anna", "anna:word", ":word", ""])
async def test_a_user_in_a_url_is_refused_and_basic_is_a_header(shared: Replica, peer: Upstream, user: str) -> None:
    refused = await refusal(shared.create(name="of-a-user", http={"url": f"https://{user}@a.example/x"}))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["tool.http.url"])
    folder = shared.settings.tools_secrets_dir
    assert folder is not None
    (folder / "pair").write_text(f"{user}:grüß\n")
    (folder / "single").write_text("word\n")
    made = await run(shared, peer, "/x", {}, headers={"Authorization": "${basic.pair}"})
    sent = base64.b64encode(f"{user}:grüß".encode()).decode()
    assert (made.status, peer.requests[-1].headers["Authorization"]) == ("success", f"Basic {sent}")
    source = {"url": "https://a.example", "headers": {"Authorization": "${basic.single}"}}
    refused = await refusal(shared.create(name="of-a-word", http=source))
    assert (refused.reason, refused.metadata["secret"]) == ("SECRET_NOT_FOUND", "single")


async def test_a_secret_that_was_taken_away_fails_the_run(shared: Replica, peer: Upstream) -> None:
    file = shared.settings.tools_secrets_dir / "passing"
    file.write_text("here")
    source = {"url": peer.url("/x"), "headers": {"X": "${secret.passing}"}}
    await shared.update(name="passing", http=source)
    assert (await shared.invoke("passing")).status == "success"
    file.write_text("rotated")
    await shared.invoke("passing")
    assert peer.requests[-1].headers["X"] == "rotated"
    file.unlink()
    made = await shared.invoke("passing")
    assert (made.status, made.error_reason) == ("failed", "SECRET_NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("/text", "grüß dich"),
        ("/empty", None),
        ("/problem", {"a": [1, 2.5, None]}),
        ('/json?text={"a":"\\u0000"}', {"a": "\0"}),
        ("/json?text=null", None),
        ("/json?text=9007199254740991", 2**53 - 1),
        ('/json?text={"ids":[1234567890123456789]}', {"ids": ["1234567890123456789"]}),
        ("/json?text=-123456789012345678901234567890", "-123456789012345678901234567890"),
        ("/large?n=100000", "x" * 100_000),
    ],
)
async def test_a_2xx_answer_is_the_result(shared: Replica, peer: Upstream, path: str, result: object) -> None:
    await shared.update(name="answers", http={"url": peer.url(path.replace("{", "%7B").replace("}", "%7D"))})
    made = await shared.invoke("answers")
    assert (made.status, python(made.result)) == ("success", result)
    assert python((await shared.get(made.id)).result) == result


@pytest.mark.parametrize(
    ("path", "reason", "part"),
    [
        ("/status/404", "UPSTREAM_FAILED", "answered 404: upstream says no"),
        ("/status/500", "UPSTREAM_FAILED", "answered 500"),
        ("/status/304", "UPSTREAM_FAILED", "answered 304"),
        ("/redirect", "UPSTREAM_FAILED", "answered 302"),
    ],
)
async def test_any_other_answer_fails_the_invocation(
    shared: Replica, peer: Upstream, path: str, reason: str, part: str
) -> None:
    await shared.update(name="fails", http={"url": peer.url(path)})
    before = len(peer.requests)
    made = await shared.invoke("fails")
    assert (made.status, made.error_reason) == ("failed", reason)
    assert part in made.error
    assert len(peer.requests) == before + 1, "neither redirected nor tried again"


async def test_the_query_stays_out_of_errors(shared: Replica, peer: Upstream) -> None:
    made = await run(shared, peer, "/status/500?key={key}", {"key": "confidential"}, method="GET")
    assert "confidential" not in made.error


async def test_a_peer_that_does_not_answer_is_left_in_time(shared: Replica, peer: Upstream) -> None:
    made = await run(shared, peer, "/slow", timeout_seconds=1)
    assert (made.error_reason, made.duration_ms >= 1000) == ("TOOL_TIMEOUT", True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://no-such-host.invalid/x", "http://a..b/x"])
async def test_a_peer_that_is_not_there_fails_the_invocation(shared: Replica, url: str) -> None:
    await shared.update(name="nowhere", http={"url": url})
    assert (await shared.invoke("nowhere")).error_reason == "UPSTREAM_FAILED"


@pytest.mark.parametrize(
    "url", ["http://[::1/x", "http://a.example:99999/x", "http://a.example:x/y", "http://:80/", "http://?/"]
)
async def test_an_address_that_is_none_is_refused_at_registration(shared: Replica, url: str) -> None:
    refused = await refusal(shared.create(name="malformed", http={"url": url}))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["tool.http.url"])
