"""gRPC reflection of the whole contract by every service, so that any of them can be asked about all."""

from importlib.resources import files

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

# What is not of the contract and answers all the same.
BESIDE = (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)


def enable(server: grpc.aio.Server) -> None:
    """Adds the reflection service.

    It describes from the committed descriptor set, not from the code that happens to be imported: servicekit knows no
    service, and no service imports another's code.
    """
    described = list(FileDescriptorSet.FromString(files("qmcp").joinpath("descriptors.binpb").read_bytes()).file)
    described += [FileDescriptorProto.FromString(each.serialized_pb) for each in BESIDE]
    pool = DescriptorPool()
    for file in described:
        pool.Add(file)
    names = [f"{file.package}.{service.name}" for file in described for service in file.service]
    reflection.enable_server_reflection(names, server, pool=pool)
