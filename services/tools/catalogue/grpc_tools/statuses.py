"""What the status of a call says, for people: code, message, and the details that can be read."""

import base64

import grpc
import grpc.aio
import orjson
from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# Where gRPC carries a whole google.rpc.Status.
DETAILS = "grpc-status-details-bin"
MAX_DETAILS = 16
# Named so that it is imported: what it describes is looked for in the pool of this process.
STANDARD = error_details_pb2.DESCRIPTOR.package
UNREADABLE = (json_format.Error, DecodeError, TypeError, ValueError, AttributeError, KeyError)


def status_told(error: grpc.aio.AioRpcError, pool: DescriptorPool) -> str:
    """The status in a sentence, not yet masked.

    Args:
        error: of a call.
        pool: of the server's own types, in which details are looked for first.
    """
    told = f"{error.code().name}: {error.details()}"
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS and isinstance(value, bytes):
            try:
                details = status_pb2.Status.FromString(value).details[:MAX_DETAILS]
            except DecodeError:
                break
            if details:
                return f"{told} {orjson.dumps([_detail(one, pool) for one in details]).decode()}"
    return told


def _detail(packed: any_pb2.Any, pool: DescriptorPool) -> object:
    # Of google.rpc all is known here; a server's own types are known where its method's files have them.
    for among in (pool, Default()):
        try:
            return json_format.MessageToDict(packed, preserving_proto_field_name=True, descriptor_pool=among)
        except UNREADABLE:
            continue
    return {"@type": packed.type_url[:255], "value": base64.b64encode(packed.value).decode()}
