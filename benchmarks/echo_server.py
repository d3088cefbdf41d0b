"""`python -m benchmarks.echo_server KIND PORT`: an InvokeTool that answers at once and records nothing.

KIND `serving` is servicekit's server whole. `tuned` and `defaults` are grpc.aio itself, with and without what
servicekit.server and servicekit.launch set. `with:` and names of interceptors, comma-separated, is `tuned` with these.
"""

import asyncio
import os
import signal
import sys

if sys.argv[1] != "defaults":
    # Before grpc is imported, as servicekit.launch has it.
    os.environ["GRPC_EXPERIMENTS"] = "-event_engine_listener,-event_engine_client"

import grpc
import uvloop
from qmcp.tools.v1 import invocation_pb2, tools_service_pb2, tools_service_pb2_grpc

from servicekit import logs
from servicekit.admission import Admission
from servicekit.identity.authenticator import Keyless
from servicekit.interceptors import Interceptor
from servicekit.interceptors.context import request_context
from servicekit.interceptors.deadline import deadline
from servicekit.interceptors.errors import declared_errors
from servicekit.interceptors.identity import identity
from servicekit.interceptors.telemetry import RequestLines, telemetry
from servicekit.interceptors.validation import validation
from servicekit.methods import methods_of
from servicekit.metrics import CallMetrics, new_registry
from servicekit.server import Service, _options, _rpc_handler, _servicer_method, serving
from servicekit.settings import ServiceSettings
from servicekit.shedding import LoadShedding

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]


class EchoServicer(tools_service_pb2_grpc.ToolsServiceServicer):
    """The same messages as the real one."""

    async def InvokeTool(  # noqa: N802 - named as the RPC is
        self, request: tools_service_pb2.InvokeToolRequest, context: object
    ) -> invocation_pb2.Invocation:
        del context
        answer = invocation_pb2.Invocation(
            id="01940000-0000-7000-8000-000000000000", tool_name=request.name, status="success", principal="local"
        )
        answer.result.string_value = request.input.fields["message"].string_value
        return answer


async def serve(kind: str, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = ServiceSettings(database_url="postgresql://none", grpc_port=port)
    if kind == "serving":
        async with serving(
            settings,
            [Service(DESCRIPTOR, EchoServicer())],
            authenticator=Keyless(),
            registry=new_registry(),
            checks={},
        ):
            await stop.wait()
        return
    server = grpc.aio.server(options=None if kind == "defaults" else _options(settings))
    if kind.startswith("with:"):
        server.add_generic_rpc_handlers((_intercepted(kind.removeprefix("with:").split(","), settings),))
    else:
        tools_service_pb2_grpc.add_ToolsServiceServicer_to_server(EchoServicer(), server)
    server.add_insecure_port(settings.grpc_address)
    await server.start()
    await stop.wait()
    await server.stop(1)


def _intercepted(names: list[str], settings: ServiceSettings) -> grpc.GenericRpcHandler:
    """The servicer as servicekit.server registers it, with some of the interceptors."""
    registry = new_registry()
    metrics = CallMetrics(registry)
    known: dict[str, Interceptor] = {
        "telemetry": telemetry(metrics, RequestLines()),
        "context": request_context,
        "errors": declared_errors,
        "identity": identity(Keyless()),
        "deadline": deadline(settings.default_deadline_seconds, settings.max_concurrent_calls),
        "validation": validation,
    }
    chosen = [known[name] for name in names if name]
    service = Service(DESCRIPTOR, EchoServicer())
    admission = Admission(LoadShedding(registry), metrics)
    handlers = {
        method.name: _rpc_handler(method, _servicer_method(service, method), chosen, admission)
        for method in methods_of(DESCRIPTOR)
        if method.name == "InvokeTool"
    }
    return grpc.method_handlers_generic_handler(DESCRIPTOR.full_name, handlers)


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    logs.configure(os.environ.get("QMCP_LOG_LEVEL", "INFO"), "json")
    if kind == "defaults":
        asyncio.run(serve(kind, port))
    else:
        uvloop.run(serve(kind, port))


if __name__ == "__main__":
    main()
