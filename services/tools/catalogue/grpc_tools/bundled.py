"""Files of the contract's own language, as this process has them."""

from google.protobuf import (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default

# Their JSON forms are written for just these, so that no server may have others.
WELL_KNOWN_FILES = {
    module.DESCRIPTOR.name: FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    for module in (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
}
GOOGLE = "google/"


def bundled(name: str) -> FileDescriptorProto | None:
    """A file of Google's by its name; None where this process has none."""
    if not name.startswith(GOOGLE):
        return None
    try:
        return FileDescriptorProto.FromString(Default().FindFileByName(name).serialized_pb)
    except KeyError:
        return None
