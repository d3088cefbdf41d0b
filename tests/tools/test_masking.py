"""What a tool was given to keep is shown to nobody, whatever the server behind it makes of it."""

import base64
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import web

from servicekit.masking import MASKED
from tests.tools.audit import rows_of_every_table
from tests.tools.service import Replica, pb
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "cAnArY-token/of+the&upstream"
PASSWORD = "cAnArY-password"
BASIC = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
HEADERS = {"X-Token": "Bearer ${secret.upstream}", "Authorization": "${basic.anna}"}


def told(request: web.Request) -> str:
    user, password = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
    return f"{request.headers['X-Token']} {request.headers['Authorization']} {user} {password}"


REPLIES: dict[str, Callable[[web.Request], web.Response]] = {
    "/as-json": lambda request: web.json_response({"headers": dict(request.headers), "told": [told(request)]}),
    "/as-a-name": lambda request: web.json_response({told(request): 1}),
    "/as-text": lambda request: web.Response(text=told(request)),
    "/as-latin": lambda request: web.Response(text=told(request), charset="iso-8859-1", content_type="text/html"),
    "/as-bytes": lambda request: web.Response(body=told(request).encode(), content_type="application/octet-stream"),
    "/as-no-json": lambda request: web.Response(text=told(request) + "{", content_type="application/json"),
    "/in-a-url": lambda request: web.Response(text=quote(told(request))),
    "/as-an-error": lambda request: web.Response(text=told(request), status=403),
    # The sentence of the error ends in the midst of it.
    "/at-the-end-of-an-error": lambda request: web.Response(text="x" * 478 + told(request), status=500),
    "/in-a-header": lambda request: web.Response(status=302, headers={"Location": f"/{quote(told(request))}"}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echoing(shared: Replica) -> AsyncIterator[Upstream]:
    folder = shared.settings.tools_secrets_dir
    assert folder is not None
    (folder / "upstream").write_text(f"{TOKEN}\n")
    (folder / "anna").write_text(f"anna:{PASSWORD}\n")
    async with upstream() as running:
        running.replies.update(REPLIES)
        for path in REPLIES:
            await shared.create(name=path[1:], http={"url": running.url(path), "headers": HEADERS})
        yield running


@pytest.mark.parametrize("path", REPLIES)
async def test_a_secret_that_the_server_echoes_is_nowhere_to_be_read(
    shared: Replica, echoing: Upstream, path: str
) -> None:
    made = await shared.invoke(path[1:], {"q": 1})
    assert TOKEN in echoing.requests[-1].headers["X-Token"], "the server has it"
    invocations = [made, await shared.get(made.id), *await shared.listed(tool_name=path[1:])]
    events = await shared.events(made.id)
    exports = [
        chunk.data
        for export in (
            shared.stub.ExportInvocations(pb.ExportInvocationsRequest()),
            shared.stub.ExportReceipts(pb.ExportReceiptsRequest()),
        )
        async for chunk in export
    ]
    seen = f"{invocations} {events} {b''.join(exports)!r} {await rows_of_every_table(shared.settings.database_url)}"
    hexadecimal = TOKEN[:7].encode().hex()
    in_base64 = [base64.b64encode(b"\0" * shift + b"cAnArY-").decode()[4:-4] for shift in range(3)]
    assert not [form for form in ("cAnArY", BASIC[:12], hexadecimal, *in_base64) if form in seen]
    assert path == "/in-a-header" or MASKED[:-3] in f"{made.result}{made.error}"


async def test_what_a_tool_of_another_kind_says_is_masked_too(shared: Replica, echoing: Upstream) -> None:
    made = await shared.invoke("echo", {"message": f"I found {TOKEN} somewhere"})
    assert made.result.string_value == f"I found {MASKED} somewhere"


async def test_a_secret_that_was_rotated_stays_masked(shared: Replica, echoing: Upstream) -> None:
    folder = shared.settings.tools_secrets_dir
    assert folder is not None
    (folder / "rotated").write_text("cAnArY-first")
    await shared.create(
        name="rotated", http={"url": echoing.url("/json?text=1"), "headers": {"X-Token": "${secret.rotated}"}}
    )
    assert (await shared.invoke("rotated", {})).status == "success"
    (folder / "rotated").write_text("cAnArY-second")
    assert (await shared.invoke("rotated", {})).status == "success"
    made = await shared.invoke("echo", {"message": "cAnArY-first cAnArY-second"})
    assert made.result.string_value == f"{MASKED} {MASKED}"
