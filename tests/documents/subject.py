"""The documents service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from google.api.httpbody_pb2 import HttpBody
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import run_pb2

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
    listings={"ListRuns": Listing(_make_runs, "id", {"skill": "listed"}, {"skill": "another"})},
    effects={
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
    },
    shared={
        "StartRun": OWN,
        "RunForm": OWN,
        "RunDocument": OWN,
        "PrecheckForm": OWN,
        "DescribeTemplate": OWN,
        "GetMeta": "what the service can do is the same for everybody whom it is told",
    },
    slow=_slow_list,
    lasting={
        "RunForm": Lasting(HttpBody(content_type=FORM, data=f"--{BOUNDARY}\r\n".encode())),
        "PrecheckForm": Lasting(HttpBody(content_type=FORM, data=f"--{BOUNDARY}\r\n".encode())),
        "RunDocument": Lasting(pb.RunDocumentRequest(start=pb.RunDocumentStart())),
        "WatchRun": Lasting(pb.WatchRunRequest(id=str(UUID(int=5))), table="runs"),
        "DownloadRun": Lasting(run_pb2.DownloadRunRequest(id=str(UUID(int=5))), table="runs"),
    },
    words=("ok", "meeting_notice"),
)
