"""What the contract says of a call, read from the descriptor of its request."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of the contract."""

    # As gRPC names it: /qmcp.tools.v1.ToolsService/GetTool.
    path: str
    answer: type[Message]
    # True where the contract says that doing it twice is doing it once.
    idempotent: bool
    # True where its request can carry an `idempotency_key`, by which the service knows a second one.
    keyed: bool

    def repeatable(self, request: Message) -> bool:
        """True where this request may be sent twice."""
        return self.idempotent or (self.keyed and bool(getattr(request, "idempotency_key", "")))


def _services(request: Descriptor) -> Iterator[ServiceDescriptor]:
    """Those of the request's file, and that of its package: requests of large services stand in files of their own."""
    yield from request.file.services_by_name.values()
    folder = request.file.package.replace(".", "/")
    with suppress(KeyError, IndexError):
        file = request.file.pool.FindFileByName(f"{folder}/{folder.split('/')[1]}_service.proto")
        yield from file.services_by_name.values()


@cache
def of(request: Descriptor, name: str = "") -> Rpc:
    """The RPC that takes this request: the one of the same name, unless another is named. LookupError for none."""
    wanted = name or request.name.removesuffix("Request")
    for service in _services(request):
        method = service.methods_by_name.get(wanted)
        if method is not None and method.input_type is request:
            return Rpc(
                path=f"/{service.full_name}/{method.name}",
                answer=GetMessageClass(method.output_type),
                idempotent=method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
                keyed="idempotency_key" in request.fields_by_name,
            )
    raise LookupError(f"{request.file.name} has no RPC {wanted} that takes {request.name}")
