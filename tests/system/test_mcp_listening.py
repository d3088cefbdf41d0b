"""What clients of MCP are told without asking: that something has changed, and what happens to their calls."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.stack import Stack
from tests.system.mcp_requests import request
from tests.upstream import Upstream, upstream

GUARD_SECONDS = 60
LISTEN = "subscriptions/listen"
ACCEPT = {"accept": "application/json, text/event-stream"}
ECHO = "/v1/tools/echo:invoke"


@pytest.fixture(scope="module")
def http(guarded: Stack) -> Iterator[httpx.Client]:
    """An administrator over HTTP."""
    with httpx.Client(
        base_url=guarded.edge_url, timeout=GUARD_SECONDS, headers={"x-api-key": guarded.admin_key}
    ) as made:
        yield made


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


def issued(http: httpx.Client, owner: str) -> tuple[str, str]:
    """The key of an agent, and its id."""
    answer = http.post("/v1/keys", json={"owner": owner, "roles": ["agent"]})
    answer.raise_for_status()
    return answer.json()["api_key"], answer.json()["key"]["id"]


@contextmanager
def streamed(stack: Stack, key: str, method: str, **params: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """What is said on the stream of a request. All have the JSON-RPC id 1."""
    message, headers = request(key, method, {}, **params)
    with (
        httpx.Client(base_url=stack.edge_url, timeout=GUARD_SECONDS) as client,
        client.stream("POST", "/mcp", json=message, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.iter_lines()
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


def test_each_of_two_clients_with_the_same_id_hears_what_it_wanted_until_its_key_is_revoked(
    guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    (own, key_id), (other, _) = issued(http, "mcp-listens"), issued(http, "mcp-listens-2")
    uri = "qmcp://invocations"
    with (
        streamed(guarded, own, LISTEN, notifications={"toolsListChanged": True}) as tools,
        streamed(guarded, other, LISTEN, notifications={"resourceSubscriptions": [uri]}) as invocations,
    ):
        for stream, wanted in ((tools, "toolsListChanged"), (invocations, "resourceSubscriptions")):
            first = next(stream)
            assert first["method"] == "notifications/subscriptions/acknowledged"
            assert list(first["params"]["notifications"]) == [wanted]
        tool = {"http": {"method": "POST", "url": service.url}}
        http.put("/v1/tools/mcp-listened-to", json=tool).raise_for_status()
        assert next(tools)["method"] == "notifications/tools/list_changed"
        # What another invokes is no change of what one sees.
        for key in (own, other):
            http.post(ECHO, json={"input": {"message": "x"}}, headers={"x-api-key": key}).raise_for_status()
        told = next(invocations)
        assert (told["method"], told["params"]["uri"]) == ("notifications/resources/updated", uri)
        http.post(f"/v1/keys/{key_id}:revoke").raise_for_status()
        http.put("/v1/tools/mcp-listened-to", json=tool | {"title": "Another"}).raise_for_status()
        *_, last = tools
        assert (last["id"], "result" in last) == (1, True)


def test_a_session_hears_of_what_it_subscribed_to_on_its_stream_until_its_key_is_revoked(
    guarded: Stack, http: httpx.Client
) -> None:
    key, key_id = issued(http, "mcp-subscribes")
    uri = "qmcp://invocations"
    with httpx.Client(base_url=guarded.edge_url, timeout=GUARD_SECONDS, headers=ACCEPT | {"x-api-key": key}) as client:

        def said(method: str, **params: Any) -> httpx.Response:
            return client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

        information = {"name": "test", "version": "1"}
        opened = said("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=information)
        client.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        assert '"subscribe":true' in opened.text
        client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        # What one is not shown, one cannot subscribe to.
        assert '"code":-32002' in said("resources/subscribe", uri="qmcp://keys").text
        assert '"result":{}' in said("resources/subscribe", uri=uri).text
        other, _ = issued(http, "mcp-subscribes-not")
        # It is heard of on the next stream, although none was open when it changed.
        for each in (other, key):
            http.post(ECHO, json={"input": {"message": "x"}}, headers={"x-api-key": each}).raise_for_status()
        with client.stream("GET", "/mcp") as stream:
            lines = stream.iter_lines()
            told = [json.loads(line.removeprefix("data: ")) for line in _first(lines)]
            assert [(each["method"], each["params"]) for each in told] == [
                ("notifications/resources/updated", {"uri": uri})
            ]
            assert '"result":{}' in said("resources/unsubscribe", uri=uri).text
            http.post(ECHO, json={"input": {"message": "y"}}, headers={"x-api-key": key}).raise_for_status()
            http.post(f"/v1/keys/{key_id}:revoke").raise_for_status()
            # It ends whole, and has said no more.
            assert not [line for line in lines if line.startswith("data: {")]
    stateless = httpx.post(
        f"{guarded.edge_url}/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": uri}},
        headers=ACCEPT | {"x-api-key": other},
    )
    assert "there is none" in stateless.text


def _first(lines: Iterator[str]) -> Iterator[str]:
    yield next(line for line in lines if line.startswith("data: {"))


def test_who_wants_words_for_its_log_is_told_whom_a_call_waits_for_and_a_revoked_key_ends_the_call(
    guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    key, key_id = issued(http, "mcp-words")
    tool = {"http": {"method": "POST", "url": service.url}, "approval": {"mode": "always"}}
    http.put("/v1/tools/mcp-words", json=tool).raise_for_status()
    with streamed(guarded, key, "tools/call", name="mcp-words", arguments={}) as said:
        told = next(said)
        assert told["method"] == "notifications/message"
        assert "A human must approve it first" in told["params"]["data"]
        # The invocation knows the id of its request before there is one, which is asked for with this key.
        asked = str(told["params"]["data"]).rpartition(" ")[2].rstrip(".")
        end = time.monotonic() + GUARD_SECONDS
        while http.get(f"/v1/human/requests/{asked}").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        http.post(f"/v1/keys/{key_id}:revoke").raise_for_status()
        *_, last = said
    assert last["result"]["isError"]
    assert last["result"]["_meta"]["qmcp/error"]["code"] == "UNAUTHENTICATED"
    assert service.bodies == []
