"""Asks the server of a gRPC tool, when it is registered, what the tool is."""

import asyncio
from dataclasses import replace

import grpc.aio
import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from servicekit.large import LARGE_BYTES, beside
from servicekit.ssrf import AddressNotAllowedError
from services.tools import errors
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.grpc_tools.channels import Channels
from services.tools.catalogue.grpc_tools.descriptors import comment_of, described, find_method
from services.tools.catalogue.grpc_tools.reflection import MAX_BYTES, ReflectionError, reflected_files
from services.tools.catalogue.grpc_tools.sent_metadata import metadata_of
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.catalogue.message_schemas import SchemaTooLargeError, schema_of
from services.tools.catalogue.token_endpoint import TokenError
from services.tools.models import GrpcSource, Tool

REFLECTION_SECONDS = 10


class GrpcRegistration:
    """Fills in what a server says of its method."""

    def __init__(self, channels: Channels, credentials: Credentials) -> None:
        self._channels = channels
        self._credentials = credentials

    async def complete(self, tool: Tool, source: GrpcSource) -> Tool:
        """The tool with the descriptors of its method, and with schema and description where it has none.

        Raises:
            ServiceError: REFLECTION_FAILED, ADDRESS_NOT_ALLOWED, SECRET_NOT_FOUND, TRANSPORT_PROFILE_NOT_FOUND,
                INVALID_REQUEST.
        """
        try:
            self._channels.require_usable(source)
            self._credentials.secrets.require(source.metadata)
            async with asyncio.timeout(REFLECTION_SECONDS):
                files = await self._files(source)
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("tool.grpc.target", str(error)) from None
        except (TimeoutError, OSError):
            raise errors.reflection_failed(source.target, "it does not answer.") from None
        except (ReflectionError, UpstreamError, TokenError) as error:
            raise errors.reflection_failed(source.target, self._masked(str(error))) from None
        except grpc.aio.AioRpcError as error:
            why = self._masked(f"{error.code().name}: {error.details()}")
            raise errors.reflection_failed(source.target, why) from None
        # Beside the loop: a large definition takes a while.
        size = max(LARGE_BYTES, sum(each.ByteSize() for each in files))
        return await beside(size, self._completed, tool, source, files)

    async def _files(self, source: GrpcSource) -> list[FileDescriptorProto]:
        metadata = await metadata_of(self._credentials, source, {})
        async with self._channels.use(source, MAX_BYTES) as channel:
            return await reflected_files(channel, source.method.partition("/")[0], metadata)

    def _completed(self, tool: Tool, source: GrpcSource, files: list[FileDescriptorProto]) -> Tool:
        whole = described(files, source)
        method = find_method(whole, source)
        schema, description = tool.input_schema, tool.description or comment_of(whole, method)
        if schema is None:
            try:
                schema = schema_of(method.input_type)
            except SchemaTooLargeError as error:
                raise errors.reflection_failed(source.target, f"{error} Give the tool an input_schema.") from None
            if self._credentials.secrets.mask().is_in(orjson.dumps(schema).decode()):
                raise errors.reflection_failed(source.target, "its definition holds a secret that it was sent.")
        return replace(tool, kind="grpc", descriptors=whole, input_schema=schema, description=self._masked(description))

    def _masked(self, text: str) -> str:
        return self._credentials.secrets.mask().text(text)
