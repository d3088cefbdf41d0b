"""The edge refuses what a service says it cannot do, before it is asked, and hears when there is room again."""

import time

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status
from qmcp.tools.v1.tools_service_pb2 import InvokeToolRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from tests.edge.test_local_replies import reason

GUARD_SECONDS = 60.0
NONE, ALL = "/v1/tools/admitted/0:invoke", "/v1/tools/admitted/1000:invoke"


def asked_until(http: httpx.Client, path: str, enough) -> httpx.Response:
    give_up = time.monotonic() + GUARD_SECONDS
    while not enough(answer := http.post(path, json={})):
        assert time.monotonic() < give_up
    return answer


def part(answer: httpx.Response) -> int:
    """Which part of the calls the edge let in, of which this is one."""
    return int(answer.json()["result"]["metadata"].get("x-qmcp-admitted", 1000)) if answer.status_code == 200 else 0


@pytest.fixture
def shed(http):
    """Asks with a service that says it can do nothing; afterwards it can do all, for the edge is shared."""
    yield lambda: asked_until(http, NONE, lambda answer: answer.status_code == 429)
    asked_until(http, ALL, lambda answer: part(answer) == 1000)


def test_what_a_service_cannot_do_is_429_with_a_time_to_come_back_and_the_service_is_not_asked(http, shed):
    refused = shed()
    assert reason(refused) == ("edge.qmcp", "OVERLOADED")
    assert (refused.json()["code"], refused.headers["retry-after"]) == (8, "1")
    assert refused.json()["details"][1]["retry_delay"] == "1s"
    assert not [name for name in refused.headers if name.startswith(("x-qmcp-", "grpc-"))]
    given = {"x-request-id": 'mine"\\%', "x-correlation-id": "ours"}
    give_up = time.monotonic() + GUARD_SECONDS
    while (mine := http.post(NONE, json={}, headers=given)).status_code != 429:
        assert time.monotonic() < give_up
    assert reason(mine) == ("edge.qmcp", "OVERLOADED")
    assert {name: mine.headers[name] for name in given} == given
    assert "detail" not in mine.json()
    while (original := http.post("/v1/tools/admitted", json={})).status_code != 429:
        assert time.monotonic() < give_up
        http.post(NONE, json={})
    assert original.json()["detail"] == original.json()["message"]


def test_the_service_hears_which_part_was_let_in_and_says_when_all_may_come(http, shed):
    asked_until(http, NONE, lambda answer: 0 < part(answer) < 1000)
    asked_until(http, ALL, lambda answer: part(answer) == 1000)
    answer = http.post("/v1/tools/echo:invoke", json={})
    assert part(answer) == 1000
    assert "x-qmcp-admitted" not in answer.headers


async def test_native_callers_are_told_so_in_grpcs_words(edge, shed):
    shed()
    async with grpc.aio.insecure_channel(edge.target) as channel:
        stub = ToolsServiceStub(channel)
        give_up = time.monotonic() + GUARD_SECONDS
        while True:
            try:
                await stub.InvokeTool(InvokeToolRequest(name="admitted/0"))
            except grpc.aio.AioRpcError as error:
                refused = error
                break
            assert time.monotonic() < give_up
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, retry = ErrorInfo(), RetryInfo()
    details = rpc_status.from_call(refused).details
    assert details[0].Unpack(info)
    assert details[1].Unpack(retry)
    assert (info.domain, info.reason, retry.retry_delay.seconds) == ("edge.qmcp", "OVERLOADED", 1)


def test_other_services_pages_waits_and_streams_are_let_in_all_the_same(http, shed):
    for _ in range(5):
        shed()
        for path in ("/v1/invocations/1:watch", "/v1/invocations:export", "/health", "/docs", "/v1/whoami"):
            assert http.get(path).status_code == 200, path
