"""What is open over HTTP ends with its key, on the system that `make run` starts with QMCP_AUTH=on."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.edge import sse
from tests.stack import Stack

REQUESTS = "/v1/human/requests"
QUESTION = {"request_type": "approval", "prompt": "May it?"}
# Guards against hanging.
GUARD_SECONDS = 60


def test_a_stream_and_a_wait_over_http_end_with_their_key(guarded: Stack) -> None:
    admin = {"x-api-key": guarded.admin_key}
    with httpx.Client(base_url=guarded.edge_url, timeout=GUARD_SECONDS) as http, ThreadPoolExecutor(1) as beside:
        issued = http.post("/v1/keys", json={"owner": "watcher", "roles": ["agent"]}, headers=admin).json()
        key = {"x-api-key": issued["api_key"]}
        asked = http.post(REQUESTS, json=QUESTION, headers=key).json()
        assert "id" in asked, asked
        with (
            http.stream("GET", f"{REQUESTS}:watch?after_sequence=0", headers=key) as watch,
            http.stream("GET", f"{REQUESTS}:watch", headers=admin) as other,
        ):
            wait = beside.submit(http.get, f"{REQUESTS}/{asked['id']}:wait?timeout_seconds=300", headers=key)
            events, others = sse.parse(watch.iter_lines()), sse.parse(other.iter_lines())
            assert any(event.data.get("human_request_id") == asked["id"] for event in events)
            assert next(others).comment == "heartbeat"
            http.post(f"/v1/keys/{issued['key']['id']}:revoke", json={}, headers=admin).raise_for_status()
            *_, last = events
            assert (last.name, last.data["code"], last.data["details"][0]["reason"]) == (
                "failed",
                16,
                "UNAUTHENTICATED",
            )
            assert wait.result().status_code == 401
            # Somebody else's goes on.
            again = http.post(REQUESTS, json=QUESTION, headers=admin).json()
            assert any(event.data.get("human_request_id") == again["id"] for event in others)


class Caller:
    """Calls the edge as an administrator, or with another key."""

    def __init__(self, http: httpx.Client, key: str) -> None:
        self._http = http
        self._key = key

    def call(self, method: str, path: str, *, key: str = "", **body: object) -> dict[str, Any]:
        json = body or ({} if method == "POST" else None)
        answer = self._http.request(method, path, json=json, headers={"x-api-key": key or self._key})
        assert answer.is_success, answer.text
        return dict(answer.json())

    def page(self, path: str) -> str:
        return self._http.get(path, headers={"accept": "text/html"}).raise_for_status().text

    def until(self, path: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        give_up = time.monotonic() + GUARD_SECONDS
        while not wanted(found := self.call("GET", path)):
            assert time.monotonic() < give_up, found
            time.sleep(0.1)
        return found


@pytest.fixture
def caller(guarded: Stack) -> Iterator[Caller]:
    with httpx.Client(base_url=guarded.edge_url, timeout=GUARD_SECONDS) as http:
        yield Caller(http, guarded.admin_key)


def pending(caller: Caller, asked: str, *, lost: bool) -> None:
    """Waits until people see that it is pending, and whether whoever asked has lost their access."""

    def seen(found: dict[str, Any]) -> bool:
        return (asked, lost) in [(each["id"], each["requester_lost_access"]) for each in found["requests"]]

    caller.until(f"{REQUESTS}?status=pending&page_size=500", seen)


@pytest.mark.parametrize("way", ["revoke", "disable", "role", "enable"])
def test_people_are_told_when_who_asked_lost_their_access_and_what_they_approve_then_is_not_run(
    caller: Caller, way: str
) -> None:
    name, role = f"guarded-{way}", f"asks-{way}"
    caller.call("POST", "/v1/roles", name=role, permissions=["tools.invoke", "tools.read"])
    url = "http://127.0.0.1:9/nobody-listens"
    caller.call("PUT", f"/v1/tools/{name}", http={"method": "POST", "url": url}, approval={"mode": "always"})
    issued = caller.call("POST", "/v1/keys", owner="agent-7", roles=[role])
    key = f"/v1/keys/{issued['key']['id']}"
    begun = caller.call("POST", f"/v1/tools/{name}:invoke", key=issued["api_key"], input={})
    asked = begun["approval"]["human_request_id"]
    pending(caller, asked, lost=False)
    if way == "role":
        caller.call("PUT", f"/v1/roles/{role}", permissions=["tools.read"])
    else:
        caller.call("POST", f"{key}:{'disable' if way == 'enable' else way}")
    pending(caller, asked, lost=True)
    link = caller.call("POST", f"{REQUESTS}/{asked}/links", person="ada")
    assert "has lost the access" in caller.page(link["path"])
    if way == "enable":
        caller.call("POST", f"{key}:enable")
        pending(caller, asked, lost=False)
        assert "has lost the access" not in caller.page(link["path"])
    caller.call("POST", "/v1/human/responses", human_request_id=asked, response="approve")
    ended = caller.until(f"/v1/invocations/{begun['id']}", lambda found: bool(found.get("completed_at")))
    assert ended["approval"]["status"] == "approved", "what the human said is on record"
    kinds = [event["kind"] for event in caller.call("GET", f"{REQUESTS}/{asked}/events")["events"]]
    if way == "enable":
        assert (ended["status"], ended["error_reason"]) == ("failed", "UPSTREAM_FAILED"), "it ran"
        assert kinds == ["created", "access_lost", "linked", "access_restored", "decided"]
    else:
        assert (ended["status"], ended["error_reason"]) == ("cancelled", "ACCESS_ENDED")
        assert kinds == ["created", "access_lost", "linked", "decided"]
