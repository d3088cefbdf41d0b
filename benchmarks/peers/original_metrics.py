"""The shape of the original metrics service, rebuilt: FastAPI, pydantic and aiosqlite in one process.

`POST /metrics` checks a batch and writes its events in one transaction, which is durable when it is acknowledged; the
original kept them in memory for five seconds. It runs in an environment of its own and imports nothing of this project.
"""

import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import aiosqlite
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

INSERT = """
    INSERT INTO metrics (
        request_id, service, service_version, instance_id, metric_type, timestamp, value, duration_ms, dimensions,
        metadata
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
TABLE = """
    CREATE TABLE IF NOT EXISTS metrics (
        id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT, service TEXT, service_version TEXT, instance_id TEXT,
        metric_type TEXT, timestamp TEXT, value REAL, duration_ms REAL, dimensions TEXT, metadata TEXT
    )
"""


class Metric(BaseModel):
    """One event."""

    type: Literal["auth_request", "tool_execution", "custom"]
    timestamp: datetime = Field(default_factory=lambda: datetime.now(UTC))
    value: float = Field(ge=-1e12, le=1e12)
    duration_ms: float | None = Field(default=None, ge=0, le=86_400_000)
    dimensions: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)


class MetricRequest(BaseModel):
    """A batch."""

    service: str = Field(max_length=50)
    version: str | None = None
    instance_id: str | None = None
    metrics: list[Metric] = Field(min_length=1)


def application(database: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiosqlite.connect(database) as connection:
            await connection.execute("PRAGMA journal_mode=WAL")
            await connection.execute("PRAGMA synchronous=FULL")
            for index in ("timestamp", "service, metric_type", "metric_type, timestamp"):
                await connection.execute(TABLE)
                name = index.replace(", ", "_")
                await connection.execute(f"CREATE INDEX IF NOT EXISTS by_{name} ON metrics ({index})")
            app.state.connection = connection
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/metrics")
    async def collect(request: MetricRequest) -> dict[str, Any]:
        request_id = f"req_{uuid.uuid4().hex[:16]}"
        rows = [
            (
                request_id,
                request.service,
                request.version,
                request.instance_id,
                metric.type,
                metric.timestamp.isoformat(),
                metric.value,
                metric.duration_ms,
                json.dumps(metric.dimensions),
                json.dumps(metric.metadata),
            )
            for metric in request.metrics
        ]
        await app.state.connection.executemany(INSERT, rows)
        await app.state.connection.commit()
        return {"status": "success", "accepted": len(rows), "rejected": 0, "errors": [], "request_id": request_id}

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
