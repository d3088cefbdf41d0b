"""Traces: nothing without a collector, and spans that continue the caller's trace with one."""

import asyncio

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client import CollectorRegistry
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from servicekit.identity.authenticator import Keyless
from servicekit.server import Service, serving
from servicekit.settings import ServiceSettings
from servicekit.tracing import tracing

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.spans = asyncio.Queue()

    async def Export(self, request, context):
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put_nowait(span)
        return trace_service_pb2.ExportTraceServiceResponse()


class Nothing(tools_service_pb2_grpc.ToolsServiceServicer):
    async def GetReceiptKey(self, request, context):
        return tools_service_pb2.ReceiptKey()

    async def ExportReceipts(self, request, context):
        for part in (b"one", b"two"):
            yield HttpBody(data=part)


def test_without_a_collector_there_is_no_interceptor():
    with tracing("qmcp-test", "") as interceptors:
        assert interceptors == ()


@pytest.mark.filterwarnings("ignore")  # the SDK's own, at its shutdown
async def test_a_call_becomes_a_span_of_its_callers_trace(database):
    collector, receiver = Collector(), grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, receiver)
    port = receiver.add_insecure_port("127.0.0.1:0")
    await receiver.start()
    settings = ServiceSettings(database_url=database, grpc_port=0, otlp_endpoint=f"http://127.0.0.1:{port}")
    service = [Service(DESCRIPTOR, Nothing())]
    async with (
        serving(settings, service, authenticator=Keyless(), registry=CollectorRegistry(), checks={}) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        asyncio.timeout(20),
    ):
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
        traceparent = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
        await stub.GetReceiptKey(tools_service_pb2.GetReceiptKeyRequest(), metadata=traceparent)
        stream = stub.ExportReceipts(tools_service_pb2.ExportReceiptsRequest(), metadata=traceparent)
        assert [part.data async for part in stream] == [b"one", b"two"]
        asked = reflection_pb2.ServerReflectionRequest(list_services="*")
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
        assert [answer.WhichOneof("message_response") async for answer in reflected] == ["list_services_response"]
        names = set()
        while names != {"GetReceiptKey", "ExportReceipts"}:
            span = await collector.spans.get()
            if span.trace_id.hex() == TRACE:
                names.add(span.name.rpartition("/")[2])
    await receiver.stop(0)
