"""What is open over HTTP ends with its key, on the system that `make run` starts with QMCP_AUTH=on."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.edge import sse
from tests.servicekit.issuer import Issuer
from tests.stack import Stack

REQUESTS = "/v1/human/requests"
QUESTION = {"request_type": "approval", "prompt": "May it?"}
# Guards against hanging.
GUARD_SECONDS = 60
FIRST_LIFETIME_SECONDS = 3


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
        # Tokens have dots, keys have none.
        sent = {"authorization": f"Bearer {key}"} if "." in key else {"x-api-key": key or self._key}
        answer = self._http.request(method, path, json=json, headers=sent)
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


class Runs:
    """Invocations of tools that never end, begun by callers who are to lose what they began them with."""

    def __init__(self, caller: Caller, port: int) -> None:
        self.caller = caller
        for name, fields in {
            "endless": {},
            # So that all after the first wait for their turn.
            "endless-one": {"max_concurrency": 1},
            "endless-asked": {"approval": {"mode": "always"}},
        }.items():
            http = {"method": "POST", "url": f"http://127.0.0.1:{port}/"}
            caller.call("PUT", f"/v1/tools/{name}", http=http, timeout_seconds=600, **fields)

    def key(self, role: str) -> tuple[str, str]:
        """A new one that may run tools, and its path."""
        self.caller.call("POST", "/v1/roles", name=role, permissions=["tools.invoke"])
        issued = self.caller.call("POST", "/v1/keys", owner=role, roles=[role])
        return issued["api_key"], f"/v1/keys/{issued['key']['id']}"

    def start(self, tool: str, key: str) -> str:
        return str(self.caller.call("POST", f"/v1/tools/{tool}:start", key=key, input={})["id"])

    def all_kinds(self, key: str) -> list[str]:
        """One that runs, one that waits for its turn, and one that runs since a human approved it."""
        asked = self.caller.call("POST", "/v1/tools/endless-asked:start", key=key, input={})
        question = asked["approval"]["human_request_id"]
        self.caller.until(f"{REQUESTS}?status=pending&page_size=500", lambda found: question in str(found))
        self.caller.call("POST", "/v1/human/responses", human_request_id=question, response="approve")
        ids = [self.start("endless", key), self.start("endless-one", key), asked["id"]]
        self.stands(ids[0], "running")
        self.stands(ids[2], "running")
        return ids

    def stands(self, invocation_id: str, *statuses: str) -> dict[str, Any]:
        return self.caller.until(f"/v1/invocations/{invocation_id}", lambda found: found["status"] in statuses)

    def have_lost(self, ids: list[str]) -> None:
        for each in ids:
            ended = self.stands(each, "cancelled", "failed", "success")
            assert (ended["status"], ended["error_reason"]) == ("cancelled", "ACCESS_ENDED"), ended


@pytest.fixture
def runs(caller: Caller) -> Iterator[Runs]:
    # The kernel takes the connections, and nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        made = Runs(caller, silent.getsockname()[1])
        standing = made.start("endless-one", "")
        yield made
        # Nobody else's end was theirs.
        assert made.stands(standing, "running")["tool_name"] == "endless-one"
        caller.call("POST", f"/v1/invocations/{standing}:cancel")


@pytest.mark.promise("Q40")
def test_what_goes_on_without_its_caller_ends_when_the_key_or_the_permission_is_gone(runs: Runs) -> None:
    (revoked, of_revoked), (disabled, of_disabled) = runs.key("loses-key"), runs.key("loses-it-for-now")
    (narrowed, _), (standing, of_standing) = runs.key("loses-role"), runs.key("keeps")
    begun = {key: runs.all_kinds(key) for key in (revoked, disabled, narrowed, standing)}
    runs.caller.call("POST", f"{of_revoked}:revoke")
    runs.have_lost(begun[revoked])
    runs.caller.call("POST", f"{of_disabled}:disable")
    runs.have_lost(begun[disabled])
    runs.caller.call("PUT", "/v1/roles/loses-role", permissions=["tools.read"])
    runs.have_lost(begun[narrowed])
    assert [runs.stands(each, "running", "pending")["status"] for each in begun[standing]] == [
        "running",
        "pending",
        "running",
    ]
    runs.caller.call("POST", f"{of_standing}:revoke")
    runs.have_lost(begun[standing])


def test_what_goes_on_without_its_caller_ends_with_the_time_of_its_key_or_token(runs: Runs, issuer: Issuer) -> None:
    runs.caller.call("POST", "/v1/roles", name="for-a-while", permissions=["tools.invoke"])
    lifetime = FIRST_LIFETIME_SECONDS
    while True:
        until = int(time.time()) + lifetime
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
        key = runs.caller.call("POST", "/v1/keys", owner="short", roles=["for-a-while"], expires_at=at)["api_key"]
        token = issuer.token(exp=until, roles=["for-a-while"])
        try:
            begun = [runs.start("endless", credential) for credential in (key, token)]
        except AssertionError:
            # On a busy machine they come too late; they get more time.
            lifetime *= 2
            assert lifetime < GUARD_SECONDS
        else:
            break
    runs.have_lost(begun)
