"""What is open over HTTP ends with its key, on the system that `make run` starts with QMCP_AUTH=on."""

from concurrent.futures import ThreadPoolExecutor

import httpx

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
