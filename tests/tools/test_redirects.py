"""Redirects of HTTP tools: followed where the tool says so, the same request within one origin; else told."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.tools.service import Replica, pb, python
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


def moved(peer: Upstream, status: int, location: str) -> str:
    return peer.url(f"/moved/{status}/{quote(location, safe='')}")


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("format_", ["json", "multipart"])
async def test_the_same_request_is_sent_where_its_server_says_and_the_tool_does(
    shared: Replica, peer: Upstream, status: int, format_: str
) -> None:
    http = {
        "url": moved(peer, status, "../../there?a=%20b"),
        "headers": {"Authorization": "Bearer ${secret.token}"},
        "body": {"format": format_},
        "follow_redirects": True,
    }
    await shared.update(name="moved", http=http)
    assert (await shared.stub.GetTool(pb.GetToolRequest(name="moved"))).http.follow_redirects
    before = len(peer.requests)
    made = await shared.invoke("moved", {"x": "1"})
    assert (made.status, python(made.result)) == ("success", {"path": "/there?a=%20b", "method": "POST"}), made.error
    first, second = peer.requests[before:]
    assert second.headers["Authorization"] == first.headers["Authorization"] == "Bearer s3cret"
    sent = [body.replace(request.headers["Content-Type"][-32:].encode(), b"") for request, body in
            zip((first, second), peer.bodies[-2:], strict=True)]  # fmt: skip
    assert sent[0] == sent[1] != b""


@pytest.mark.parametrize(
    ("status", "location", "follows"),
    [
        (307, "/there", False),
        (301, "/there", True),
        (302, "/there", True),
        (303, "/there", True),
        (307, "http://localhost:{port}/there", True),
        (307, "https://127.0.0.1:{port}/there", True),
        (307, "http://127.0.0.1:1/there", True),
        (307, "//127.0.0.2:{port}/there", True),
        (307, "http://127.0.0.1:{port}@127.0.0.2:{port}/there", True),
        (307, "http://u:p@127.0.0.1:{port}/there", True),
        (307, "http://[/there", True),
        (308, "file:///etc/passwd", True),
    ],
)
async def test_where_all_others_lead_is_told_and_nothing_is_sent_there(
    shared: Replica, peer: Upstream, status: int, location: str, follows: bool
) -> None:
    location = location.format(port=peer.port)
    await shared.update(name="elsewhere", http={"url": moved(peer, status, location), "follow_redirects": follows})
    before = len(peer.requests)
    made = await shared.invoke("elsewhere")
    assert (made.status, made.error_reason, len(peer.requests)) == ("failed", "UPSTREAM_FAILED", before + 1)
    assert f"answered {status} with Location {location!r}" in made.error


async def test_a_circle_ends_and_a_secret_in_a_location_is_not_told(shared: Replica, peer: Upstream) -> None:
    await shared.update(name="circle", http={"url": moved(peer, 307, "?again"), "follow_redirects": True})
    before = len(peer.requests)
    made = await shared.invoke("circle")
    assert (made.status, "more than 5 times" in made.error, len(peer.requests)) == ("failed", True, before + 6)
    await shared.update(name="circle", http={"url": moved(peer, 302, "/login?key=s3cret")})
    assert "[masked]" in (told := (await shared.invoke("circle")).error)
    assert "s3cret" not in told
