"""Headers that HTTP allows and gRPC does not are nobody's failure, and what is refused is refused as the caller's."""

import grpc
import pytest
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from tests.edge.test_local_replies import reason

# Names of every sign that RFC 9110 has and gRPC has not; binary metadata that is no base64; what gRPC says of its calls.
UNREAD = [
    *((f"x{sign}y", "1") for sign in "!#$%&'*+^`|~"),
    ("!", ""),
    ("x-bin", "!"),
    ("x-bin", "AAA"),
    ("grpc-tags-bin", "?"),
    ("endpoint-load-metrics-bin", "?"),
    ("grpc-previous-rpc-attempts", "x"),
    ("grpc-retry-pushback-ms", "x"),
    ("grpc-internal-encoding-request", "x"),
]


@pytest.mark.parametrize(("name", "value"), UNREAD)
def test_what_grpc_cannot_carry_and_nobody_reads_does_not_fail_a_call(http, name, value):
    assert http.get("/v1/tools", headers={name: value}).status_code == 200
    assert http.post("/v1/tools/echo:invoke", json={}, headers={name: value}).status_code == 200


@pytest.mark.parametrize("encoding", ["snappy", "gzip, gzip", "", "GZIP"])
def test_an_encoding_of_grpc_that_nobody_reads_is_refused_as_the_callers_fault(http, edge, encoding):
    answer = http.get("/v1/tools", headers={"grpc-encoding": encoding})
    assert answer.status_code == 400
    assert reason(answer) == ("edge.qmcp", "CONTENT_ENCODING_UNSUPPORTED")
    assert http.get("/v1/tools", headers={"grpc-encoding": "gzip"}).status_code == 200


def test_a_call_over_grpc_may_be_compressed_as_before(edge):
    with grpc.insecure_channel(edge.target, compression=grpc.Compression.Gzip) as channel:
        stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
        sent = stub.ListTools(tools_service_pb2.ListToolsRequest(query="x" * 5_000), timeout=60)
    assert isinstance(sent, tools_service_pb2.ListToolsResponse)


@pytest.mark.parametrize("kind", ["application/grpc-web", "application/grpc-web-text", "application/grpc-web+proto"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_says_it_speaks_grpc_to_a_path_of_json_is_refused(http, method, kind):
    assert http.request(method, "/v1/tools/echo", headers={"content-type": kind}).status_code == 415
