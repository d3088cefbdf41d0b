"""Boards through a real Envoy: what is there and what happens as Server-Sent Events, and as the Python client has it."""

from typing import Any

import httpx
from qmcp.client import Client

from tests.edge import sse
from tests.stack import Stack

WATCH = "/v1/board:watch"


def made(http: httpx.Client, name: str) -> dict[str, Any]:
    body = {"project_name": "at the edge", "epic_name": "e", "name": name}
    return dict(http.post("/v1/tasks", json=body).raise_for_status().json())


def test_a_board_is_watched_over_http_and_gone_on_with_where_it_stopped(stack: Stack) -> None:
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        project = made(http, "first")["project_id"]
        board = {"project_id": project}
        with http.stream("GET", WATCH, params=board) as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            events = sse.parse(stream.iter_lines())
            standing = [next(events) for _ in range(4)]
            assert [event.data["kind"] for event in standing] == ["snapshot"] * 3 + ["snapshot_end"]
            assert standing[2].data["task"]["name"] == "first"
            # Whoever is cut off before the end of it begins anew.
            assert [event.id for event in standing] == ["0", "0", "0", "3"]
            second = made(http, "second")
            told = next(event for event in events if event.data)
            assert (told.data["kind"], told.data["task"]["id"], told.id) == ("task.created", second["id"], "4")
        http.patch(f"/v1/tasks/{second['id']}", json={"description": "x"}).raise_for_status()
        with Client(stack.grpc_target) as client:
            seen = []
            for event in client.watch_board(project, after_sequence=3, timeout=60):
                seen.append((event.sequence, event.kind))
                if event.kind == "task.updated":
                    break
        assert seen == [(4, "task.created"), (5, "task.updated")]
        # As EventSource comes back: with the id of the last event in a header.
        with http.stream("GET", WATCH, params=board, headers={"Last-Event-ID": told.id}) as stream:
            events = sse.parse(stream.iter_lines())
            changed = next(event for event in events if event.data)
            assert (changed.data["kind"], changed.data["detail"]) == ("task.updated", {"fields": ["description"]})
            http.delete(f"/v1/projects/{project}").raise_for_status()
            rest = [(event.name, event.data.get("kind")) for event in events if not event.comment]
        assert rest == [("message", "project.deleted"), ("end", None)]
