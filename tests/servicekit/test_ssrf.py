"""Server-side request forgery: no spelling of a private address gets a tool there."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from servicekit.ssrf import AddressNotAllowedError, AddressPolicy
from services.tools.settings import Settings
from tests.stack import Server
from tests.tools.service import Replica, read_refusal, refusal, replica, settings_for
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITERAL = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "192.0.0.1", "198.18.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[ff02::1]",
    "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b:1::7f00:1]", "[64:ff9b:1:ffff::8.8.8.8]", "[::ffff:0:127.0.0.1]", "[::ffff:0:8.8.8.8]", "[fec0::1]",
    "[feff::1]", "[2001:0:7f00:1::]", "[2001:0:808:808::]", "[2002:808:808::1]", "[2001:db8::1]", "[3fff::1]",
    "[100::1]", "[ff0e::1]", "[4000::1]", "[5f00::1]", "[::8.8.8.8]", "[64:ff9b::224.0.0.1]", "192.88.99.1",
    "localhost", "LOCALHOST", "localhost.", "a.localhost",
    # Forms that the C library reads as 127.0.0.1.
    "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "127.0.0.1.",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "user@127.0.0.1", "user:pw@127.0.0.1", "8.8.8.8@127.0.0.1", "127.0.0.1#@8.8.8.8",
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unopened(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replica]:
    """A replica as an operator gets it: no private network is allowed."""
    folder: Path = tmp_path_factory.mktemp("unopened")
    async with postgres.database("tools") as url, replica(settings_for(url, folder, tools_allowed_networks="")) as one:
        yield one


@pytest.mark.parametrize("host", LITERAL)
async def test_no_spelling_of_a_private_address_is_reached(unopened: Replica, peer: Upstream, host: str) -> None:
    source = {"url": f"http://{host}:{peer.port}/x"}
    if "#" in host:
        source = {"url": f"http://{host}/x"}
    try:
        await unopened.update(name="forged", http=source)
    except grpc.aio.AioRpcError as error:
        outcome = read_refusal(error).reason
    else:
        outcome = (await unopened.invoke("forged")).error_reason
    assert outcome == "ADDRESS_NOT_ALLOWED"
    assert not peer.requests


@pytest.mark.parametrize("host", [host for host in LITERAL if "@" not in host and "#" not in host and host.isascii()])
async def test_no_spelling_gets_a_grpc_tool_there(unopened: Replica, host: str) -> None:
    if "%" in host:
        host = "[fe80::1]"
    refused = await refusal(unopened.create(name="forged/rpc", grpc={"target": f"{host}:50051", "method": "a.B/C"}))
    assert refused.reason in {"ADDRESS_NOT_ALLOWED", "REFLECTION_FAILED"}
    if refused.reason == "REFLECTION_FAILED":
        assert "does not answer" in refused.message, "a name that nothing resolves"
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(host.strip("[]"), 1)


async def test_a_name_that_resolves_to_a_private_address_is_refused_when_the_tool_runs(unopened: Replica) -> None:
    own = socket.gethostname()
    await unopened.update(name="own/name", http={"url": f"http://{own}:9/x"})
    made = await unopened.invoke("own/name")
    assert (made.error_reason, own in made.error) == ("ADDRESS_NOT_ALLOWED", True)


async def test_the_connection_goes_to_the_address_that_was_checked(unopened: Replica, peer: Upstream) -> None:
    """One look-up a run: between a check and a second look-up the name could move."""
    looked_up = []
    real = socket.getaddrinfo

    def counting(*arguments: object, **keywords: object) -> object:
        looked_up.append(arguments[0])
        return real(*arguments, **keywords)  # type: ignore[arg-type]

    addresses = AddressPolicy(settings_for("x", Path()).tools_allowed_networks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", counting)
        assert await addresses.resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert len(looked_up) <= 1


@pytest.mark.parametrize("private", ["10.0.0.1", "::1", "::ffff:10.0.0.1"])
async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    answers = [(0, 0, 0, "", ("93.184.216.34", 80)), (0, 0, 0, "", (private, 80))]

    class Loop:
        async def getaddrinfo(self, *_: object, **__: object) -> object:
            return answers

    monkeypatch.setattr("servicekit.ssrf.asyncio.get_running_loop", Loop)
    with pytest.raises(AddressNotAllowedError):
        await AddressPolicy(()).resolve("mixed.example", 80)
    answers.pop()
    assert await AddressPolicy(()).resolve("mixed.example", 80) == ["93.184.216.34"]


@pytest.mark.parametrize(
    "public", ["8.8.8.8", "2001:4860:4860::8888", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
async def test_public_addresses_are_reached_also_through_a_translation_of_the_network(public: str) -> None:
    AddressPolicy(()).require_allowed("x", public)
    assert await AddressPolicy(()).resolve(public, 80) == [public.replace("64:ff9b::8.8.8.8", "64:ff9b::808:808")]


async def test_an_operator_allows_networks_and_nothing_beside_them(unopened: Replica) -> None:
    settings = Settings(database_url="x", tools_allowed_networks="10.20.0.0/16, fd00::/8")
    addresses = AddressPolicy(settings.tools_allowed_networks)
    for allowed in ("10.20.255.1", "::ffff:10.20.0.1", "fd00::1", "93.184.216.34"):
        addresses.require_allowed("x", allowed)
    for refused in ("10.21.0.1", "127.0.0.1", "fc00::1", "::1"):
        with pytest.raises(AddressNotAllowedError):
            addresses.require_allowed("x", refused)
