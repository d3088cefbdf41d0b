"""Readers of HTTP who do not read: behind Envoy the same holds as over gRPC."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stack import Stack

READERS = 10
WITHIN = 120.0
# Kept small, so that little is on the way.
RECEIVE_BYTES = 4096


@pytest.fixture
def filled(stack: Stack) -> Iterator[httpx.Client]:
    """More on record than sockets and Envoy take; emptied afterwards, for others read it too."""
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        made = [
            http.post("/v1/tools/echo:invoke", json={"input": {"message": "x" * 1_000_000}}).json()["id"]
            for _ in range(8)
        ]
        yield http
        for one in made:
            fields = {"fields": ["input_params", "result"], "reason": "large"}
            assert http.post(f"/v1/invocations/{one}:redact", json=fields).status_code == 200


def unread(url: str) -> socket.socket:
    """A request whose answer is not read on after its status."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    connection.settimeout(60)
    connection.connect((parts.hostname, parts.port))
    connection.sendall(f"GET /v1/invocations:export?tool_name=echo HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return connection


def test_exports_that_nobody_reads_take_nothing_from_others_and_are_ended(stack: Stack, filled: httpx.Client) -> None:
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(closing(unread(stack.edge_url))) for _ in range(READERS)]
        statuses = [connection.recv(12).split()[1] for connection in connections]
        assert set(statuses) == {b"200", b"429"}
        assert statuses.count(b"200") <= 4
        assert filled.get("/v1/tools").status_code == 200
        assert filled.get("/v1/invocations?page_size=1").status_code == 200
        give_up = time.monotonic() + WITHIN
        while (answer := filled.get("/v1/invocations:export?tool_name=echo")).status_code == 429:
            assert answer.json()["details"][0]["reason"] == "OVERLOADED"
            assert time.monotonic() < give_up
            time.sleep(0.2)
        assert answer.status_code == 200
        assert json.loads(answer.text.splitlines()[-1])["done"]
