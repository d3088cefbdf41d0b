"""The client for asyncio; `qmcp.client.sync` has the same for ordinary code."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import tenacity
from grpc_health.v1 import health_pb2_grpc
from qmcp.access.v1.access_service_pb2_grpc import AccessServiceStub
from qmcp.client import access, address, calls, channels, errors, messages, models
from qmcp.client.hitl.aio import AsyncHumanRequests
from qmcp.client.legs import Legs
from qmcp.client.lines import Lines, is_end
from qmcp.client.retries import Deadline, Retries
from qmcp.client.watching import Watch
from qmcp.hitl.v1.hitl_service_pb2_grpc import HitlServiceStub
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")


class AsyncClient(AsyncHumanRequests):
    """Calls QMCP over gRPC: all of it through the edge, or the tools service alone. Belongs to one event loop.

    Every method raises a `QmcpError` when it fails, and has sent the call again before where that could help.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        correlation_id: str = "",
        timeout: float = calls.DEFAULT_TIMEOUT,
        retries: Retries | None = None,
    ) -> None:
        """`url` is `http://HOST:PORT`, `https://HOST` or `HOST:PORT`; None takes QMCP_URL, or QMCP_HOST and QMCP_PORT.

        `correlation_id` goes with every call; `timeout` is in seconds and holds for one method with all its retries.
        """
        self.address = address.resolve(url)
        self._timeout = timeout
        self._retries = retries or Retries()
        self._metadata = channels.metadata(address.api_key(api_key), correlation_id)
        if self.address.tls:
            secure = grpc.ssl_channel_credentials(address.authorities())
            self._channel = grpc.aio.secure_channel(self.address.target, secure, options=channels.OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(self.address.target, options=channels.OPTIONS)
        self._tools = ToolsServiceStub(self._channel)
        self._access = AccessServiceStub(self._channel)
        self._hitl = HitlServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    async def close(self) -> None:
        """Closes the connection; calls that are under way end with an error."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def health(self, service: str = "") -> models.Health:
        """Whether everything behind the door is ready, or one service."""
        return await self._send(channels.health(service), stub=self._health)

    async def list_tools(self, query: str = "", *, kind: str = "") -> list[models.Tool]:
        """All tools in order of their names, or those that hold all words of the query."""
        return await self._all(calls.list_tools(query, kind))

    async def get_tool(self, name: str) -> models.Tool:
        """One tool."""
        return await self._send(calls.get_tool(name))

    async def create_tool(self, tool: models.Tool, *, idempotency_key: str | None = None) -> models.Tool:
        """Registers a new tool."""
        return await self._send(calls.create_tool(tool, idempotency_key))

    async def update_tool(self, tool: models.Tool, *, idempotency_key: str | None = None) -> models.Tool:
        """Replaces a tool, or registers it where there is none of its name."""
        return await self._send(calls.update_tool(tool, idempotency_key))

    async def delete_tool(self, name: str, *, etag: str = "") -> None:
        """Removes a tool from the catalogue; with an etag, only if it is still that one."""
        await self._send(calls.delete_tool(name, etag))

    async def invoke_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        correlation_id: str = "",
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> models.Invocation:
        """Runs a tool and waits for its end. A tool that fails is an answer whose `status` says so.

        The same `idempotency_key` never runs a tool twice; without one, each call of this method has its own.
        """
        call = calls.invoke_tool("InvokeTool", name, arguments, correlation_id, idempotency_key)
        return await self._send(call, timeout=timeout)

    async def start_invocation(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        correlation_id: str = "",
        idempotency_key: str | None = None,
    ) -> models.Invocation:
        """Starts a tool and returns at once; watch it or wait for it by the id."""
        return await self._send(calls.invoke_tool("StartInvocation", name, arguments, correlation_id, idempotency_key))

    async def watch_invocation(
        self,
        invocation_id: str,
        *,
        after_sequence: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> AsyncGenerator[models.InvocationEvent]:
        """Every event of an invocation up to its end, each once, over as many connections as that takes."""
        watch = Watch(invocation_id, after_sequence, Legs(Deadline.within(timeout), self._retries))
        while not watch.ended:
            cut: errors.QmcpError | None = None
            try:
                async with self._stream(self._tools.WatchInvocation, watch.request(), watch.legs.seconds()) as stream:
                    async for message in stream:
                        event = watch.take(message)
                        if event:
                            yield event
                        if watch.ended:
                            return
            except errors.QmcpError as error:
                cut = error
            await asyncio.sleep(watch.cut(cut))

    async def wait_for_invocation(
        self,
        invocation_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> models.Invocation:
        """The invocation once it has ended."""
        async for event in self.watch_invocation(invocation_id, timeout=timeout):
            if event.invocation and event.invocation.ended:
                return event.invocation
        return await self.get_invocation(invocation_id)

    async def get_invocation(self, invocation_id: str) -> models.Invocation:
        """One row of the audit."""
        return await self._send(calls.get_invocation(invocation_id))

    async def list_invocations(
        self,
        limit: int | None = 50,
        *,
        tool_name: str = "",
        status: str = "",
        correlation_id: str = "",
        principal: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> list[models.Invocation]:
        """The newest invocations for which all filters hold; `limit` None means all there are."""
        first = calls.list_invocations(
            limit,
            tool_name=tool_name,
            status=status,
            correlation_id=correlation_id,
            principal=principal,
            created_after=created_after,
            created_before=created_before,
        )
        return await self._all(first)

    async def cancel_invocation(self, invocation_id: str) -> models.Invocation:
        """Asks for the end of an invocation, wherever it runs."""
        return await self._send(calls.cancel_invocation(invocation_id))

    async def summarize(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> list[models.ToolSummary]:
        """Counts and latencies per tool, of the last 24 hours unless said otherwise."""
        return await self._send(calls.summarize(tool_name, created_after, created_before))

    async def export_invocations(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> AsyncGenerator[models.Invocation]:
        """All invocations, oldest first, as they arrive; ExportCutOffError where the last did not arrive."""
        request = calls.export_invocations(tool_name, created_after, created_before)
        async for line in self._lines(self._tools.ExportInvocations, request):
            if not is_end(line):
                yield messages.invocation_line(line)

    def export_invocation_lines(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> AsyncIterator[bytes]:
        """The same as the lines of JSON that the service sends, the last one (`{"done": true}`) among them."""
        request = calls.export_invocations(tool_name, created_after, created_before)
        return self._lines(self._tools.ExportInvocations, request)

    def export_receipts(
        self,
        *,
        completed_after: datetime | None = None,
        completed_before: datetime | None = None,
    ) -> AsyncIterator[bytes]:
        """Lines of JSON with everything that `qmcp.client.receipts` verifies."""
        return self._lines(self._tools.ExportReceipts, calls.export_receipts(completed_after, completed_before))

    async def get_receipt(self, invocation_id: str) -> models.Receipt:
        """The proof of one ended invocation."""
        return await self._send(calls.get_receipt(invocation_id))

    async def get_receipt_key(self) -> models.ReceiptKey:
        """The public key that checkpoints are signed with."""
        return await self._send(calls.get_receipt_key())

    async def verify_receipts(
        self,
        *,
        completed_after: datetime | None = None,
        completed_before: datetime | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> models.ReceiptVerification:
        """Has the service verify its receipts itself. To trust nobody, verify an export (`qmcp receipts verify`)."""
        return await self._send(calls.verify_receipts(completed_after, completed_before), timeout=timeout)

    async def redact(self, invocation_id: str, fields: Sequence[str], reason: str) -> models.Invocation:
        """Erases `input_params`, `result` or both of an ended invocation for good; its receipt stays valid."""
        return await self._send(calls.redact(invocation_id, fields, reason))

    async def create_key(
        self,
        owner: str,
        roles: Sequence[str],
        *,
        service_name: str = "",
        description: str = "",
        rate_per_minute: int = 0,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> models.IssuedKey:
        """Makes an API key; its secret is in this answer and nowhere else. A rate of 0 means no limit."""
        call = access.create_key(
            owner,
            roles,
            service_name=service_name,
            description=description,
            rate_per_minute=rate_per_minute,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
        )
        return await self._send(call, stub=self._access)

    async def get_key(self, key_id: str) -> models.Key:
        """One key, without its secret."""
        return await self._send(access.get_key(key_id), stub=self._access)

    async def list_keys(self, owner: str = "", *, include_invalid: bool = False) -> list[models.Key]:
        """All keys that are valid, newest first, or those of one owner."""
        return await self._all(access.list_keys(owner, include_invalid=include_invalid), stub=self._access)

    async def rotate_key(
        self, key_id: str, *, grace_seconds: int | None = None, idempotency_key: str | None = None
    ) -> models.IssuedKey:
        """Makes a new secret for a key; the old one stays valid for the grace time, a day unless said otherwise."""
        return await self._send(access.rotate_key(key_id, grace_seconds, idempotency_key), stub=self._access)

    async def revoke_key(self, key_id: str) -> models.Key:
        """Makes a key invalid for good, everywhere within a second."""
        return await self._send(access.revoke_key(key_id), stub=self._access)

    async def disable_key(self, key_id: str) -> models.Key:
        """Makes a key invalid, everywhere within a second, until it is enabled again."""
        return await self._send(access.disable_key(key_id), stub=self._access)

    async def enable_key(self, key_id: str) -> models.Key:
        """Makes a disabled key valid again."""
        return await self._send(access.enable_key(key_id), stub=self._access)

    async def list_roles(self) -> list[models.Role]:
        """All roles in order of their names."""
        return await self._all(access.list_roles(), stub=self._access)

    async def create_role(
        self, name: str, permissions: Sequence[str], *, description: str = "", idempotency_key: str | None = None
    ) -> models.Role:
        """Makes a role."""
        return await self._send(access.create_role(name, permissions, description, idempotency_key), stub=self._access)

    async def update_role(
        self, name: str, permissions: Sequence[str], *, description: str = "", etag: str = ""
    ) -> models.Role:
        """Replaces a role's permissions and description; with an etag, only if it is still that one."""
        return await self._send(access.update_role(name, permissions, description, etag), stub=self._access)

    async def delete_role(self, name: str) -> None:
        """Removes a role that no key has."""
        await self._send(access.delete_role(name), stub=self._access)

    async def whoami(self) -> models.Identity:
        """Who the caller is, and what they may do."""
        return await self._send(access.whoami(), stub=self._access)

    async def list_denials(self, principal: str = "", *, limit: int | None = 50) -> list[models.Denial]:
        """The newest refusals of all services; `limit` None means all there are."""
        return await self._all(access.list_denials(principal, limit), stub=self._access)

    async def _send(
        self,
        call: calls.Call[ResultT],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
        stub: Any = None,
    ) -> ResultT:
        deadline = Deadline.within(self._timeout if timeout is None else timeout)
        send = getattr(stub or self._tools, call.method)

        async def once() -> Any:
            try:
                return await send(call.request, timeout=deadline.remaining, metadata=self._metadata)
            except grpc.RpcError as error:
                raise errors.from_rpc(error) from error

        policy = self._retries.policy(repeatable=call.repeatable, deadline=deadline)
        return call.read(await tenacity.AsyncRetrying(**policy)(once))

    async def _all(self, first: calls.Call[calls.Page[ItemT]], *, stub: Any = None) -> list[ItemT]:
        items: list[ItemT] = []
        following: calls.Call[calls.Page[ItemT]] | None = first
        while following:
            page = await self._send(following, stub=stub)
            items += page.items
            following = page.following
        return items

    def _stream(self, method: Any, request: Any, timeout: float | None) -> "_Stream":
        return _Stream(method, request, timeout, self._metadata)

    async def _lines(self, method: Any, request: Any) -> AsyncGenerator[bytes]:
        lines = Lines()
        async with self._stream(method, request, None) as stream:
            async for body in stream:
                for line in lines.feed(body.data):
                    yield line
        for line in lines.finish():
            yield line


class _Stream:
    """A server stream that is cancelled when its reader leaves, and whose errors are ours."""

    def __init__(self, method: Any, request: Any, timeout: float | None, metadata: tuple[tuple[str, str], ...]) -> None:
        self._call = method(request, timeout=timeout, metadata=metadata)

    async def __aenter__(self) -> AsyncIterator[Any]:
        return self._messages()

    async def __aexit__(self, *_: object) -> None:
        self._call.cancel()

    async def _messages(self) -> AsyncIterator[Any]:
        try:
            async for message in self._call:
                yield message
        except grpc.RpcError as error:
            raise errors.from_rpc(error) from error
