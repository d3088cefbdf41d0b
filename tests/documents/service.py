"""What the tests of the documents service work with: replicas composed in this process, and short forms of calls."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from qmcp.documents.v1 import documents_service_pb2, documents_service_pb2_grpc, run_pb2

from devstack import ports
from services.documents.server import compose
from services.documents.settings import Settings
from tests.contract.running import Refusal, refusal
from tests.documents.forms import BOUNDARY, parts_of
from tests.wire import scraped

PIECE_BYTES = 1024 * 1024


def requests(template: bytes, task: bytes, **options: Any) -> Iterator[documents_service_pb2.RunDocumentRequest]:
    """What RunDocument takes."""
    request = documents_service_pb2.RunDocumentRequest
    beside = {name: options.pop(name) for name in ("idempotency_key", "task_id", "fencing_token") if name in options}
    given = run_pb2.RunOptions(**options)
    yield request(start=documents_service_pb2.RunDocumentStart(options=given, **beside))
    for start in range(0, len(template), PIECE_BYTES):
        yield request(template=template[start : start + PIECE_BYTES])
    yield request(task=task)


@dataclass
class Replica:
    """A running service and a stub on it."""

    stub: documents_service_pb2_grpc.DocumentsServiceStub
    settings: Settings

    async def run(self, template: bytes, task: bytes, **options: Any) -> tuple[run_pb2.Run, bytes] | Refusal:
        """The run and its archive."""
        metadata = options.pop("metadata", ())
        try:
            answers = [
                each async for each in self.stub.RunDocument(requests(template, task, **options), metadata=metadata)
            ]
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return answers[0].run, b"".join(each.archive for each in answers[1:])

    async def form(self, fields: dict[str, str], files: dict[str, tuple[str, bytes]]) -> bytes | Refusal:
        """The archive that answers a form."""
        return await self.sent([parts_of(fields, files)])

    async def sent(self, pieces: Sequence[bytes], boundary: str = BOUNDARY) -> bytes | Refusal:
        """The same for a form that comes in these pieces."""
        content_type = f"multipart/form-data; boundary={boundary}"
        bodies = [
            HttpBody(content_type=content_type if not number else "", data=each) for number, each in enumerate(pieces)
        ]
        try:
            return b"".join([each.data async for each in self.stub.RunForm(iter(bodies))])
        except grpc.aio.AioRpcError as error:
            return refusal(error)

    async def uploaded(self, body: bytes) -> Any:
        """The template that a form stores, or why it does not."""
        form = HttpBody(content_type=f"multipart/form-data; boundary={BOUNDARY}", data=body)
        try:
            return await self.stub.UploadTemplate(iter([form]))
        except grpc.aio.AioRpcError as error:
            return refusal(error)

    async def metrics(self) -> dict[str, float]:
        return await scraped(self.settings.metrics_port)


@asynccontextmanager
async def replica(url: str, **changes: Any) -> AsyncIterator[Replica]:
    wanted: dict[str, Any] = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "database_pool_size": 5,
        **changes,
    }
    settings = Settings(**wanted, shutdown_grace_seconds=0.5)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(compose(settings))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        yield Replica(documents_service_pb2_grpc.DocumentsServiceStub(channel), settings)
