"""The shape of the original QMCP, rebuilt: FastAPI, SQLAlchemy's ORM and aiosqlite in one process.

`POST /v1/tools/echo` writes a pending row, runs the tool and updates the row, each in a transaction of its own. It runs
in an environment of its own and imports nothing of this project.
"""

import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import JSON, DateTime, Integer, String, Text, event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

logger = structlog.get_logger()


class Base(DeclarativeBase):
    """The tables."""


class ToolInvocation(Base):
    """One row a call."""

    __tablename__ = "tool_invocations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    tool_name: Mapped[str] = mapped_column(String(64), index=True)
    input_params: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[Any] = mapped_column(JSON, nullable=True)
    error: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime, index=True, default=lambda: datetime.now(UTC))
    completed_at: Mapped[datetime | None] = mapped_column(DateTime)
    correlation_id: Mapped[str | None] = mapped_column(String(64), index=True)


class Invoke(BaseModel):
    """The body of a call."""

    input: dict[str, Any] = Field(default_factory=dict)
    correlation_id: str | None = None


class Invoked(BaseModel):
    """The answer to a call."""

    result: Any = None
    error: str | None = None
    invocation_id: str


def application(database: Path) -> FastAPI:
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")

    @event.listens_for(engine.sync_engine, "connect")
    def durable(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # Durable when it is acknowledged, as our own rows are.
        cursor.execute("PRAGMA synchronous=FULL")
        # Without it many writers at once fail with "database is locked".
        cursor.execute("PRAGMA busy_timeout=20000")
        cursor.close()

    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    app = FastAPI(lifespan=lifespan)
    tools: dict[str, Callable[[dict[str, Any]], Any]] = {"echo": lambda params: params.get("message", "")}

    @app.middleware("http")
    async def traced(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request_id = request.headers.get("x-request-id") or uuid.uuid4().hex[:8]
        correlation_id = request.headers.get("x-correlation-id") or uuid.uuid4().hex[:8]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            request_id=request_id, correlation_id=correlation_id, method=request.method, path=request.url.path
        )
        started = time.perf_counter()
        logger.info("request_started")
        response = await call_next(request)
        duration_ms = round((time.perf_counter() - started) * 1000, 2)
        logger.info("request_completed", status_code=response.status_code, duration_ms=duration_ms)
        response.headers["X-Request-ID"] = request_id
        response.headers["X-Correlation-ID"] = correlation_id
        return response

    @app.post("/v1/tools/{tool_name}")
    async def invoke(tool_name: str, body: Invoke, opened: AsyncSession = Depends(session)) -> Invoked:  # noqa: B008, FAST002 - FastAPI's idiom
        tool = tools.get(tool_name)
        if tool is None:
            raise HTTPException(404, f"Tool '{tool_name}' not found")
        row = ToolInvocation(tool_name=tool_name, input_params=body.input, correlation_id=body.correlation_id)
        opened.add(row)
        await opened.commit()
        logger.info("tool_invocation_start", tool=tool_name, invocation_id=row.id)
        started = time.perf_counter()
        row.result = tool(body.input)
        row.status = "success"
        row.duration_ms = int((time.perf_counter() - started) * 1000)
        row.completed_at = datetime.now(UTC)
        await opened.commit()
        logger.info("tool_invocation_success", tool=tool_name, invocation_id=row.id)
        return Invoked(result=row.result, invocation_id=row.id)

    return app


if __name__ == "__main__":
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ]
    )
    uvicorn.run(application(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning", access_log=False)
