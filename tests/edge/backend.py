"""A service that does what a test tells it to: the edge's behaviour must not depend on what stands behind it.

`python -m tests.edge.backend GRPC_PORT METRICS_PORT ACCESS_METRICS_PORT HITL_METRICS_PORT`. The name of the tool says what
happens; as the access service it answers WhoAmI with what it was sent; as hitl it is tests/edge/hitl_backend.py.
"""

import asyncio
import sys
from collections import Counter

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client import Counter as Figure
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc
from qmcp.tools.v1 import invocation_pb2, tool_pb2, tools_service_pb2, tools_service_pb2_grpc

from tests.edge.hitl_backend import HitlBackend
from tests.edge.json_calls import JsonCalls
from tests.edge.refusing import refuse

SERVICE = "qmcp.tools.v1.ToolsService"
CALLS = Figure("qmcp_tool_invocations", "Invocations that ended.", ["tool", "status"])


class Backend(tools_service_pb2_grpc.ToolsServiceServicer):
    def __init__(self, healthy: health.aio.HealthServicer) -> None:
        self.healthy = healthy
        self.attempts: Counter[str] = Counter()

    async def InvokeTool(self, request, context):
        word, _, rest = request.name.partition("/")
        if word == "fail":
            code, _, http_status = rest.partition("/")
            await refuse(context, code, http_status)
        if word == "sleep":
            await self.sleep(float(rest))
        if word == "health":
            await self.healthy.set("", getattr(health_pb2.HealthCheckResponse, rest))
        if word == "admitted":
            await context.send_initial_metadata((("x-qmcp-admitted", rest),))
        if word == "created":
            await context.send_initial_metadata((("x-http-status", rest or "201"),))
        if word == "attempts":
            self.attempts[rest] += 1
            if self.attempts[rest] == 1:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the first attempt always fails")
        result = {"metadata": {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}}
        result["attempts"] = self.attempts[rest]
        result["deadline"] = context.time_remaining()
        if word == "big":
            result["big"] = "x" * int(rest)
        CALLS.labels(word, "success").inc()
        answer = invocation_pb2.Invocation(id="1", tool_name=request.name, status="success")
        ParseDict(result, answer.result)
        answer.input_params.CopyFrom(request.input)
        return answer

    async def sleep(self, seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.attempts["cancelled"] += 1
            raise

    async def CallTool(self, request, context):
        return tools_service_pb2.CallToolResponse(invocation_id=f"called {request.name}")

    async def StartInvocation(self, request, context):
        return invocation_pb2.Invocation(id=f"started {request.name}")

    async def ListTools(self, request, context):
        return tools_service_pb2.ListToolsResponse(tools=[tool_pb2.Tool(name="echo")])

    async def GetTool(self, request, context):
        word, _, rest = request.name.partition("/")
        if word == "attempts":
            self.attempts[rest] += 1
            if self.attempts[rest] == 1:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the first attempt always fails")
        if word == "sleep":
            await asyncio.sleep(float(rest))
        return tool_pb2.Tool(name=request.name, title=str(self.attempts[rest]))

    async def CreateTool(self, request, context):
        await context.send_initial_metadata((("x-http-status", "201"),))
        return request.tool

    async def UpdateTool(self, request, context):
        return request.tool

    async def DeleteTool(self, request, context):
        return Empty()

    async def GetInvocation(self, request, context):
        return invocation_pb2.Invocation(id=request.id)

    async def CancelInvocation(self, request, context):
        return invocation_pb2.Invocation(id=request.id, status="cancelled")

    async def ListInvocations(self, request, context):
        return tools_service_pb2.ListInvocationsResponse(count=request.limit)

    async def WatchInvocation(self, request, context):
        if request.id == "missing":
            await refuse(context, "NOT_FOUND", "")
        for number in range(1, 4):
            yield invocation_pb2.InvocationEvent(sequence=number, last=number == 3)
            await asyncio.sleep(0.3)
        if request.id == "broken":
            await refuse(context, "INTERNAL", "")

    async def ExportInvocations(self, request, context):
        for number in range(3):
            yield HttpBody(content_type="application/x-ndjson", data=b'{"number": %d}\n' % number)
            await asyncio.sleep(0.2)


class AccessBackend(access_service_pb2_grpc.AccessServiceServicer):
    async def WhoAmI(self, request, context):
        headers = dict(context.invocation_metadata())
        return access_service_pb2.Identity(principal=headers.get("x-api-key", ""), roles=sorted(headers))


async def main(port, metrics_port, *other_metrics_ports):
    healthy = health.aio.HealthServicer()
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    served = (tools_service_pb2, access_service_pb2, hitl_service_pb2)
    services = [each for module in served for each in module.DESCRIPTOR.services_by_name.values()]
    server = grpc.aio.server(interceptors=[JsonCalls(services)])
    tools_service_pb2_grpc.add_ToolsServiceServicer_to_server(Backend(healthy), server)
    access_service_pb2_grpc.add_AccessServiceServicer_to_server(AccessBackend(), server)
    hitl_service_pb2_grpc.add_HitlServiceServicer_to_server(HitlBackend(), server)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection([SERVICE, reflection.SERVICE_NAME, health.SERVICE_NAME], server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    start_http_server(metrics_port, "127.0.0.1")
    for other in other_metrics_ports:
        start_http_server(other, "127.0.0.1", CollectorRegistry())
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
