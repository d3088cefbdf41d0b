"""How long it takes to verify 100,000 receipts: in the service, and by the client from an export."""

import asyncio
import time
from pathlib import Path

import asyncpg
import grpc
import uuid_utils.compat as uuid
from prometheus_client import CollectorRegistry
from qmcp.client.receipts import PublicKeys
from qmcp.client.receipts.export import verify_export
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.processes import LOAD_CORES, SERVER_CORES
from benchmarks.report import Row, Section
from benchmarks.systems import MESSAGE, System
from servicekit.group_commit import CommitMetrics
from servicekit.postgres import database
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.canonical import canonical
from services.tools.audit.outcome import outcome_of
from services.tools.audit.receipts import Verifier
from services.tools.audit.recording import Recorder
from services.tools.audit.store import receipts as store

RECEIPTS = 100_000
AT_ONCE = 2_000
SIGNED = "SELECT EXISTS (SELECT FROM checkpoints WHERE signed_at > (SELECT max(completed_at) FROM outcomes))"


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"{RECEIPTS:,} receipts verified")
    # Nothing else makes load here, so that all cores are the service's and its database's.
    with systems.tools(folder, cores=(*SERVER_CORES, *LOAD_CORES)) as system:
        asyncio.run(_record(system.database_url))
        times = asyncio.run(_verify(system))
    section.table = [("", "seconds"), *((what, f"{seconds:.2f}") for what, seconds in times.items())]
    section.rows = [
        Row(f"{what}, {RECEIPTS:,} receipts", "< 2 s", f"{seconds:.2f} s") for what, seconds in times.items()
    ]
    return section


async def _record(url: str) -> None:
    """Writes them the way the service does, without the calls around them."""
    async with database(url, 4, "bench") as db:
        recorder = Recorder(db, uuid.uuid7(), CommitMetrics(CollectorRegistry()), AwaitingApproval())
        result = canonical(MESSAGE)

        async def one(number: int) -> None:
            intent = recorder.new_intent(
                tool_name="echo",
                tool_etag="0123456789abcdef",
                arguments={"message": MESSAGE},
                principal="local",
                correlation_id="0badcafe",
                idempotency_key=f"bench-{number}",
            )
            await recorder.record_intent(intent)
            await recorder.record_outcome(outcome_of(intent, "success", result=result))

        async with recorder.recording():
            for first in range(0, RECEIPTS, AT_ONCE):
                await asyncio.gather(*map(one, range(first, first + AT_ONCE)))
        async with db.connection() as connection:
            await connection.execute("ANALYZE")


async def _verify(system: System) -> dict[str, float]:
    times: dict[str, float] = {}
    options = [("grpc.max_receive_message_length", 64 << 20)]
    async with grpc.aio.insecure_channel(system.target, options=options) as channel:
        stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
        await _signed(system.database_url)

        started = time.perf_counter()
        answer = await stub.VerifyReceipts(tools_service_pb2.VerifyReceiptsRequest())
        times["VerifyReceipts, whole call"] = time.perf_counter() - started
        assert answer.valid and answer.receipts_verified >= RECEIPTS, answer  # noqa: PT018 - shown whole

        verifier = Verifier()
        async with database(system.database_url, 2, "bench") as db, db.snapshot() as connection:
            rows = [row async for row in store.rows(connection, None, None)]
        started = time.perf_counter()
        for row in rows:
            verifier.check(row)
        times["the service's verifier alone, rows in memory"] = time.perf_counter() - started

        key = await stub.GetReceiptKey(tools_service_pb2.GetReceiptKeyRequest())
        started = time.perf_counter()
        chunks = [chunk.data async for chunk in stub.ExportReceipts(tools_service_pb2.ExportReceiptsRequest())]
        lines = b"".join(chunks).splitlines()
        exported = time.perf_counter()
        found = verify_export(lines, PublicKeys(key.public_key_pem))
        times["the client's verifier alone, export in memory"] = time.perf_counter() - exported
        times["export and the client's verifier"] = time.perf_counter() - started
        assert found.valid, found.faults[:3]
    return times


async def _signed(url: str) -> None:
    """Waits until a checkpoint covers what was recorded."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval(SIGNED):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.2)
    finally:
        await connection.close()
