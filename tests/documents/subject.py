"""The documents service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from google.api.httpbody_pb2 import HttpBody
from qmcp.documents.v1 import batch_pb2, contract_pb2, run_pb2, template_pb2
from qmcp.documents.v1 import documents_service_pb2 as pb

from services.documents import server as documents_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up
from tests.documents.forms import BOUNDARY, task, template
from tests.documents.service import requests

FORM = f"multipart/form-data; boundary={BOUNDARY}"
TEMPLATE = template()
OWN = "what it answers is made of what its caller sends"


async def _made(running: Running) -> str:
    """A run of whoever calls."""
    call: Any = running.channel.stream_stream(
        f"/{running.service.full_name}/RunDocument",
        request_serializer=pb.RunDocumentRequest.SerializeToString,
        response_deserializer=pb.RunDocumentResponse.FromString,
    )
    headers = (("x-api-key", running.key),) if running.key else ()
    answers = [each async for each in call(requests(template(), task()), metadata=headers)]
    return str(answers[0].run.id)


async def _make_runs(running: Running, number: int) -> list[str]:
    """On record, without having been rendered."""
    connection = await asyncpg.connect(running.database)
    try:
        rows = await connection.fetch(
            """
            INSERT INTO runs (
                status, exit_code, outcome, skill, preset, template_sha256, task_sha256, policy_sha256, request_sha256,
                queue_wait_ms, subprocess_ms, total_ms, created_by, correlation_id, request_id
            )
            SELECT 'completed', 0, 'ok', 'listed', '', '', '', '', '', 0, 0, 0, 'local', '', ''
            FROM generate_series(1, $1)
            RETURNING id
            """,
            number,
        )
    finally:
        await connection.close()
    return [str(row["id"]) for row in rows]


async def _run_of(owner: Running, _admin: Running) -> str:
    return await _made(owner)


async def _stored(running: Running) -> str:
    """A template of whoever calls."""
    call: Any = running.channel.stream_unary(
        f"/{running.service.full_name}/StoreTemplate",
        request_serializer=template_pb2.StoreTemplateRequest.SerializeToString,
        response_deserializer=template_pb2.Template.FromString,
    )
    headers = (("x-api-key", running.key),) if running.key else ()
    parts = [
        template_pb2.StoreTemplateRequest(start=template_pb2.StoreTemplateStart(name=f"notice-{uuid4().hex[:8]}")),
        template_pb2.StoreTemplateRequest(template=TEMPLATE),
    ]
    return str((await call(iter(parts), metadata=headers)).id)


async def _template_of(owner: Running, _admin: Running) -> str:
    return await _stored(owner)


async def _make_templates(running: Running, number: int) -> list[str]:
    """Without their bytes."""
    connection = await asyncpg.connect(running.database)
    try:
        rows = await connection.fetch(
            """
            INSERT INTO templates (name, version, sha256, size_bytes, shared_with, created_by)
            SELECT 'listed', each + (SELECT count(*) FROM templates), gen_random_uuid()::text, 1, '{}', 'local'
            FROM generate_series(1, $1) AS each
            RETURNING id
            """,
            number,
        )
    finally:
        await connection.close()
    return [str(row["id"]) for row in rows]


async def _batched(running: Running) -> str:
    """A batch of whoever calls."""
    call: Any = running.channel.unary_unary(
        f"/{running.service.full_name}/StartBatch",
        request_serializer=batch_pb2.StartBatchRequest.SerializeToString,
        response_deserializer=batch_pb2.Batch.FromString,
    )
    headers = (("x-api-key", running.key),) if running.key else ()
    return str((await call(_batch_of(1), metadata=headers)).id)


async def _batch_made(owner: Running, _admin: Running) -> str:
    return await _batched(owner)


def _batch_of(number: int) -> batch_pb2.StartBatchRequest:
    return batch_pb2.StartBatchRequest(template=TEMPLATE, payloads=[{"organizer": f"{number}"}])


async def _make_batches(running: Running, number: int) -> list[str]:
    """Over, and without runs."""
    connection = await asyncpg.connect(running.database)
    try:
        rows = await connection.fetch(
            """
            INSERT INTO batches (
                skill, preset, template_sha256, item_count, ended_count, created_by, correlation_id, request_id, ended_at
            )
            SELECT 'listed', '', '', 1, 1, 'local', '', '', now()
            FROM generate_series(1, $1)
            RETURNING id
            """,
            number,
        )
    finally:
        await connection.close()
    return [str(row["id"]) for row in rows]


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "ListRuns", run_pb2.ListRunsRequest(), "runs") as slow:
        yield slow


SUBJECT = Subject(
    name="documents",
    service=pb.DESCRIPTOR.services_by_name["DocumentsService"],
    settings=documents_server.Settings,
    compose=documents_server.compose,
    variables=lambda _: {},
    listings={
        "ListRuns": Listing(_make_runs, "id", {"skill": "listed"}, {"skill": "another"}),
        "ListBatches": Listing(_make_batches, "id", {"skill": "listed"}, {"skill": "another"}),
        "ListTemplates": Listing(_make_templates, "id", {"name": "listed"}, {"name": "another"}),
    },
    effects={
        "StartBatch": Effect(_batch_of, lambda each: each.id),
        "StartRun": Effect(
            lambda number: pb.StartRunRequest(template=TEMPLATE, payload={"organizer": f"{number}"}),
            lambda each: each.id,
        ),
    },
    sights={
        "GetRun": Sight(_run_of, lambda made: run_pb2.GetRunRequest(id=made)),
        "ListRuns": Sight(_run_of, lambda _: run_pb2.ListRunsRequest()),
        "WatchRun": Sight(_run_of, lambda made: pb.WatchRunRequest(id=made)),
        "DownloadRun": Sight(_run_of, lambda made: run_pb2.DownloadRunRequest(id=made)),
        "GetBatch": Sight(_batch_made, lambda made: batch_pb2.GetBatchRequest(id=made)),
        "ListBatches": Sight(_batch_made, lambda _: batch_pb2.ListBatchesRequest()),
        "WatchBatch": Sight(_batch_made, lambda made: batch_pb2.WatchBatchRequest(id=made)),
        "CancelBatch": Sight(_batch_made, lambda made: batch_pb2.CancelBatchRequest(id=made)),
        "DownloadBatch": Sight(_batch_made, lambda made: batch_pb2.DownloadBatchRequest(id=made)),
        "GetTemplate": Sight(_template_of, lambda made: template_pb2.GetTemplateRequest(id=made)),
        "ListTemplates": Sight(_template_of, lambda _: template_pb2.ListTemplatesRequest()),
        "DownloadTemplate": Sight(_template_of, lambda made: template_pb2.DownloadTemplateRequest(id=made)),
        "DeleteTemplate": Sight(_template_of, lambda made: template_pb2.DeleteTemplateRequest(id=made)),
    },
    shared={
        "StartRun": OWN,
        "StartBatch": OWN,
        "RunForm": OWN,
        "RunDocument": OWN,
        "PrecheckForm": OWN,
        "DescribeTemplate": OWN,
        "UploadTemplate": OWN,
        "StoreTemplate": OWN,
        "GetMeta": "what the service can do is the same for everybody whom it is told",
    },
    slow=_slow_list,
    lasting={
        "RunForm": Lasting(HttpBody(content_type=FORM, data=f"--{BOUNDARY}\r\n".encode())),
        "PrecheckForm": Lasting(HttpBody(content_type=FORM, data=f"--{BOUNDARY}\r\n".encode())),
        "RunDocument": Lasting(pb.RunDocumentRequest(start=pb.RunDocumentStart())),
        "UploadTemplate": Lasting(HttpBody(content_type=FORM, data=f"--{BOUNDARY}\r\n".encode())),
        "StoreTemplate": Lasting(template_pb2.StoreTemplateRequest(start=template_pb2.StoreTemplateStart(name="a"))),
        "DownloadTemplate": Lasting(template_pb2.DownloadTemplateRequest(id=str(UUID(int=5))), table="templates"),
        "DescribeTemplate": Lasting(contract_pb2.DescribeTemplateRequest(stored_template="a"), table="templates"),
        "WatchRun": Lasting(pb.WatchRunRequest(id=str(UUID(int=5))), table="runs"),
        "WatchBatch": Lasting(batch_pb2.WatchBatchRequest(id=str(UUID(int=5))), table="batches"),
        "DownloadBatch": Lasting(batch_pb2.DownloadBatchRequest(id=str(UUID(int=5))), table="batches"),
        "DownloadRun": Lasting(run_pb2.DownloadRunRequest(id=str(UUID(int=5))), table="runs"),
    },
    words=("ok", "meeting_notice"),
)
