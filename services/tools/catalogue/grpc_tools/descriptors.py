"""Descriptors of a method: put together from the files of its server, and read again wherever it is called."""

import functools
from collections.abc import Iterable, Mapping

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from services.tools import errors
from services.tools.catalogue.grpc_tools.bundled import WELL_KNOWN_FILES
from services.tools.models import GrpcSource

# Message types within one another, and of one method: classes of them are made one within the other.
MAX_TYPE_DEPTH = 100
MAX_TYPES = 2_000
MAX_DESCRIPTION = 8_192
# Where SourceCodeInfo has what is said of a method: the service's number and the method's follow these.
SERVICE_PATH, METHOD_PATH = 6, 2
# What a pool says of files that do not fit together.
UNFIT = (TypeError, KeyError, ValueError, DecodeError)


def described(files: Iterable[FileDescriptorProto], source: GrpcSource) -> bytes:
    """Files of a server as a serialised FileDescriptorSet, imports first; it has been shown to have the method.

    Raises:
        ServiceError: REFLECTION_FAILED.
    """
    by_name = {file.name: file for file in files}
    by_name.update(WELL_KNOWN_FILES)
    whole = FileDescriptorSet(file=_imports_first(by_name)).SerializeToString()
    method = find_method(whole, source)
    for message in (method.input_type, method.output_type):
        _require_bearable(message, source)
        message_factory.GetMessageClass(message)
    return whole


@functools.lru_cache(maxsize=2)
def _pool(whole: bytes) -> DescriptorPool:
    # A service of fifty methods is fifty tools with the same files. Two are kept: read, they take much more memory.
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(whole).file:
        pool.Add(file)
    return pool


def find_method(whole: bytes, source: GrpcSource) -> MethodDescriptor:
    """The method in its descriptors, as `described` made them.

    Raises:
        ServiceError: REFLECTION_FAILED where it is not there, or takes a stream.
    """
    try:
        pool = _pool(whole)
    except UNFIT as error:
        raise errors.reflection_failed(source.target, f"it describes itself wrongly: {str(error)[:300]}") from None
    service_name, _, method_name = source.method.partition("/")
    try:
        method = pool.FindServiceByName(service_name).FindMethodByName(method_name)
    except KeyError:
        method = None
    if method is None:
        raise errors.reflection_failed(source.target, f"it has no method {source.method}.")
    if method.client_streaming:
        why = f"{source.method} takes a stream; only methods that take one message can be tools."
        raise errors.reflection_failed(source.target, why)
    return method


def comment_of(whole: bytes, method: MethodDescriptor) -> str:
    """What the server's files say of a method; empty where they have no comments, as most servers tell none."""
    name = method.containing_service.file.name
    path = [SERVICE_PATH, method.containing_service.index, METHOD_PATH, method.index]
    for file in FileDescriptorSet.FromString(whole).file:
        if file.name == name:
            for location in file.source_code_info.location:
                if location.path == path:
                    return str(location.leading_comments).strip()[:MAX_DESCRIPTION]
    return ""


def _require_bearable(message: Descriptor, source: GrpcSource) -> None:
    """Refuses a message whose classes could not be made, because its types go too deep or are too many."""
    seen = {message.full_name}
    level, depth = [message], 0
    while level:
        depth += 1
        below = []
        for one in level:
            for field in one.fields:
                of = field.message_type
                if of is not None and of.full_name not in seen:
                    seen.add(of.full_name)
                    below.append(of)
        if depth > MAX_TYPE_DEPTH or len(seen) > MAX_TYPES:
            why = f"{message.full_name} has more than {MAX_TYPE_DEPTH} levels or {MAX_TYPES:,} types of messages."
            raise errors.reflection_failed(source.target, why)
        level = below


def _imports_first(files: Mapping[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Each file after those that it imports; the pool refuses those that import one another in a circle."""
    ordered: dict[str, FileDescriptorProto] = {}
    entered: set[str] = set()
    for first in files:
        waiting = [first]
        while waiting:
            name = waiting[-1]
            if name in entered or name not in files:
                waiting.pop()
                if name in files:
                    ordered.setdefault(name, files[name])
                continue
            entered.add(name)
            waiting.extend(each for each in files[name].dependency if each not in entered)
    return list(ordered.values())
