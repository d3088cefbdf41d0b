"""Who may run `billing/*` sees and runs nothing else: over HTTP, gRPC and MCP, by a key and by a token."""

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mcp.shared.exceptions import MCPError
from qmcp.client import Client
from qmcp.client.access.models import ToolScope
from qmcp.client.tools.models import HttpSource, Tool
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from tests.servicekit.issuer import Issuer
from tests.stack import Stack
from tests.system.test_mcp import REVISIONS, connected, listed
from tests.upstream import Upstream, upstream

OURS = ["billing/pay", "billing/refund"]
ECHO = {"input": {"message": "hello"}}


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


@pytest.fixture(scope="module")
def key(guarded: Stack, behind: Upstream) -> Iterator[str]:
    """A key for `billing/*`; its tools are there, and others too."""
    with Client(guarded.edge_url, api_key=guarded.admin_key) as admin:
        for name in (*OURS, "stock/count"):
            admin.create_tool(Tool(name=name, http=HttpSource(method="POST", url=behind.url)))
        scopes = [ToolScope(names=("billing/*",))]
        admin.create_role("only-bills", ["tools.read", "tools.invoke"], tool_scopes=scopes)
        yield admin.create_key("payer", ["agent"], tool_scopes=scopes).api_key
        for name in (*OURS, "stock/count"):
            admin.delete_tool(name)
        admin.delete_role("only-bills")


@pytest.mark.parametrize("by", ["key", "token"])
def test_over_http_there_is_nothing_else(guarded: Stack, issuer: Issuer, key: str, by: str) -> None:
    token = issuer.token(sub="payer", roles=["only-bills"])
    credential = {"x-api-key": key} if by == "key" else {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=guarded.edge_url, timeout=60, headers=credential) as http:
        assert [tool["name"] for tool in http.get("/v1/tools").json()["tools"]] == OURS
        assert [tool["name"] for tool in http.get("/v1/tools?query=refund").json()["tools"]] == OURS[1:]
        assert http.get("/v1/tools?query=echo").json()["tools"] == []
        ran = http.post("/v1/tools/billing/pay:invoke", json={"input": {"amount": 1}}).json()
        assert ran["result"] == {"amount": 1}
        for name in ("echo", "stock/count"):
            answers = [http.get(f"/v1/tools/{name}")]
            answers += [http.post(f"/v1/tools/{name}{verb}", json=ECHO) for verb in (":invoke", ":start", "")]
            assert [answer.status_code for answer in answers] == [404] * 4
            assert {answer.json()["details"][0]["reason"] for answer in answers} == {"TOOL_NOT_FOUND"}
        assert {each["tool_name"] for each in http.get("/v1/invocations").json()["invocations"]} == {"billing/pay"}
        assert http.get("/v1/mcp-servers").json()["servers"] == []


def test_over_grpc_there_is_nothing_else(guarded: Stack, key: str) -> None:
    metadata = (("x-api-key", key),)
    with grpc.insecure_channel(guarded.edge_url.removeprefix("http://")) as channel:
        stub: Any = tools_service_pb2_grpc.ToolsServiceStub(channel)
        tools = stub.ListTools(tools_service_pb2.ListToolsRequest(), metadata=metadata, timeout=60).tools
        assert [tool.name for tool in tools] == OURS
        request = tools_service_pb2.InvokeToolRequest(name="billing/refund")
        assert stub.InvokeTool(request, metadata=metadata, timeout=60).status == "success"
        request.name = "stock/count"
        with pytest.raises(grpc.RpcError) as refused:
            stub.InvokeTool(request, metadata=metadata, timeout=60)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("revision", REVISIONS)
async def test_over_mcp_there_is_nothing_else(guarded: Stack, key: str, revision: str) -> None:
    async with connected(guarded, key, revision) as client:
        names = (await listed(client)).keys()
        # Those of the contract are other services' and the caller's own invocations.
        assert {name for name in names if "/" in name} == set(OURS)
        assert not {"echo", "planner", "executor", "reviewer"} & names
        ran = await client.call_tool("billing/pay", {"amount": 2})
        assert (ran.structured_content, ran.is_error) == ({"amount": 2}, False)
        for name in ("echo", "stock/count", "no-such-tool"):
            with pytest.raises(MCPError, match="Unknown tool"):
                await client.call_tool(name, {"message": "hello"})
        with Client(guarded.edge_url, api_key=guarded.admin_key) as admin:
            theirs = admin.invoke_tool("stock/count").id
        read = await client.call_tool("get_invocation", {"id": theirs})
        assert read.is_error
