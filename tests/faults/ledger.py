"""What the callers were told, and how it compares with what is on record after every crash."""

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg
import orjson
from qmcp.client.receipts import PublicKeys
from qmcp.client.receipts.export import ExportVerifier
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

OPEN = """
    SELECT count(*)
    FROM invocations i
    LEFT JOIN outcomes o ON o.invocation_id = i.id
    WHERE o.invocation_id IS NULL
"""


@dataclass(slots=True)
class Ledger:
    """The callers' side."""

    # idempotency_key → id of the invocation and whether it ended well, for each call that was answered.
    acknowledged: dict[str, tuple[str, bool]] = field(default_factory=dict)
    # idempotency_keys whose first try ended in an error, so that the caller did not know.
    unanswered: set[str] = field(default_factory=set)
    # Anything that must never be seen by a caller.
    violations: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Findings:
    """The comparison."""

    acknowledged: int = 0
    recorded: int = 0
    # Acknowledged, but not on record, or on record otherwise.
    lost: int = 0
    # idempotency_keys with more than one invocation.
    doubled: int = 0
    # On record although the first try was never answered.
    unacknowledged: int = 0
    # Invocations without an ending, long after every crash.
    open: int = 0
    # Ended by another process than the one that began them.
    interrupted: int = 0
    receipts: int = 0
    faults: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


async def compare(
    ledger: Ledger, url: str, stub: "tools_service_pb2_grpc.ToolsServiceAsyncStub", ends_within: float
) -> Findings:
    """Reads everything that is on record and holds it against what the callers were told."""
    found = Findings(acknowledged=len(ledger.acknowledged), violations=ledger.violations)
    connection = await asyncpg.connect(url)
    try:
        until = time.monotonic() + ends_within
        found.open = await connection.fetchval(OPEN)
        while found.open and time.monotonic() < until:
            await asyncio.sleep(0.2)
            found.open = await connection.fetchval(OPEN)
        seen: set[str] = set()
        confirmed = 0
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = connection.cursor(
                "SELECT i.id::text, i.idempotency_key, i.input_params, o.status, o.result, o.error_reason "
                "FROM invocations i LEFT JOIN outcomes o ON o.invocation_id = i.id WHERE NOT i.refused",
                prefetch=5000,
            )
            async for row in rows:
                found.recorded += 1
                idempotency_key = row["idempotency_key"]
                # What came without a key is nobody's second.
                found.doubled += bool(idempotency_key) and idempotency_key in seen
                seen.add(idempotency_key)
                found.unacknowledged += idempotency_key in ledger.unanswered
                found.interrupted += row["error_reason"] == "INTERRUPTED"
                told = ledger.acknowledged.get(idempotency_key)
                if told is None:
                    continue
                succeeded = row["status"] == "success"
                as_told = (row["id"], succeeded) == told
                # The message is the idempotency_key, so that a mix-up of answers would show.
                confirmed += as_told and (not succeeded or orjson.loads(row["result"]) == idempotency_key)
        found.lost = found.acknowledged - confirmed
    finally:
        await connection.close()
    await _verify(found, stub)
    return found


async def _verify(found: Findings, stub: "tools_service_pb2_grpc.ToolsServiceAsyncStub") -> None:
    """Both verifiers, the service's and the client's, on everything."""
    answer = await stub.VerifyReceipts(tools_service_pb2.VerifyReceiptsRequest())
    found.receipts = answer.receipts_verified
    found.faults += [f"service: {fault.kind} {fault.detail}" for fault in answer.faults]
    key = await stub.GetReceiptKey(tools_service_pb2.GetReceiptKeyRequest())
    verifier = ExportVerifier(PublicKeys(key.public_key_pem))
    rest = b""
    async for chunk in stub.ExportReceipts(tools_service_pb2.ExportReceiptsRequest()):
        *lines, rest = (rest + chunk.data).split(b"\n")
        for line in lines:
            verifier.take(line)
    found.faults += [f"client: {fault.kind} {fault.detail}" for fault in verifier.finish().faults]
