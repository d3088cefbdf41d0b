# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with tools, their invocations and their receipts."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf import json_format
from qmcp.client.calling.conversion import from_message, to_message, to_timestamp
from qmcp.client.calling.json_values import to_object_or_text
from qmcp.client.calling.ndjson import is_end
from qmcp.client.calling.resumption import Resumption
from qmcp.client.calling.retries import Deadline
from qmcp.client.calling.sync import Calls
from qmcp.client.errors import QmcpError
from qmcp.client.tools.following import InvocationFollower
from qmcp.client.tools.models import (
    Grant,
    Invocation,
    InvocationEvent,
    McpServer,
    Receipt,
    ReceiptKey,
    Tool,
    ToolAllowance,
    ToolImport,
    ToolLimit,
    ToolSummary,
)
from qmcp.client.tools.verification import ReceiptVerification
from qmcp.tools.v1 import grant_pb2, invocation_pb2, mcp_server_pb2, tool_limit_pb2, tool_pb2
from qmcp.tools.v1 import tools_service_pb2 as api


class Tools(Calls):
    """The calls of the tools service."""

    def list_tools(self, query: str = "", *, kind: str = "", invocable: bool = False) -> list[Tool]:
        """All tools that one is shown in order of their names, or those that hold all words of the query.

        Those who audit or define tools are shown all; `invocable`: only those that one may run.
        """
        return self._list(api.ListToolsRequest(query=query, kind=kind, invocable=invocable), Tool)

    def get_tool(self, name: str) -> Tool:
        """One tool."""
        return self._call(api.GetToolRequest(name=name), Tool)

    def create_tool(self, tool: Tool, *, idempotency_key: str | None = None) -> Tool:
        """Registers a new tool."""
        message = to_message(tool, tool_pb2.Tool())
        return self._call(api.CreateToolRequest(tool=message, idempotency_key=idempotency_key), Tool)

    def update_tool(self, tool: Tool, *, idempotency_key: str | None = None) -> Tool:
        """Replaces a tool, or registers it where there is none of its name."""
        message = to_message(tool, tool_pb2.Tool())
        return self._call(api.UpdateToolRequest(tool=message, idempotency_key=idempotency_key), Tool)

    def delete_tool(self, name: str, *, etag: str = "") -> None:
        """Removes a tool from the catalogue; with an etag, only if it is still that one."""
        self._send(api.DeleteToolRequest(name=name, etag=etag))

    def pause_tool(self, name: str, reason: str = "") -> Tool:
        """Lets nothing of a tool begin until it is resumed; the reason is told to whoever invokes it."""
        return self._call(api.PauseToolRequest(name=name, reason=reason), Tool)

    def resume_tool(self, name: str) -> Tool:
        """Lets a tool run again."""
        return self._call(api.ResumeToolRequest(name=name), Tool)

    def import_tools(
        self,
        name: str,
        *,
        document: str = "",
        url: str = "",
        server_url: str = "",
        tags: Sequence[str] = (),
        paths: Sequence[str] = (),
        methods: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
        dry_run: bool = False,
        etag: str = "",
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> ToolImport:
        """Makes tools of the operations of an OpenAPI document, its text or its address; again, of what has changed.

        With `dry_run` it only tells; with the `etag` of that, it applies what was told or is refused.
        """
        request = api.ImportToolsRequest(
            name=name,
            server_url=server_url,
            tags=tags,
            paths=paths,
            methods=methods,
            secrets=secrets,
            dry_run=dry_run,
            etag=etag,
            idempotency_key=idempotency_key,
        )
        if url:
            request.url = url
        else:
            request.document = document
        return self._call(request, ToolImport, timeout=timeout)

    def list_mcp_servers(self) -> list[McpServer]:
        """All MCP servers whose tools are in the catalogue, in order of their names."""
        return self._list(api.ListMcpServersRequest(), McpServer)

    def get_mcp_server(self, name: str) -> McpServer:
        """One MCP server, and how it stands."""
        return self._call(api.GetMcpServerRequest(name=name), McpServer)

    def create_mcp_server(self, server: McpServer, *, idempotency_key: str | None = None) -> McpServer:
        """Registers an MCP server; `refresh_mcp_server` waits until its tools are listed."""
        message = to_message(server, mcp_server_pb2.McpServer())
        return self._call(api.CreateMcpServerRequest(server=message, idempotency_key=idempotency_key), McpServer)

    def update_mcp_server(self, server: McpServer, *, idempotency_key: str | None = None) -> McpServer:
        """Replaces an MCP server, or registers it where there is none of its name."""
        message = to_message(server, mcp_server_pb2.McpServer())
        return self._call(api.UpdateMcpServerRequest(server=message, idempotency_key=idempotency_key), McpServer)

    def delete_mcp_server(self, name: str, *, etag: str = "") -> None:
        """Removes an MCP server and its tools; with an etag, only if it is still that one."""
        self._send(api.DeleteMcpServerRequest(name=name, etag=etag))

    def refresh_mcp_server(self, name: str) -> McpServer:
        """Lists an MCP server's tools again now, or connects it, and returns it as it stands then."""
        return self._call(api.RefreshMcpServerRequest(name=name), McpServer)

    def list_grants(self, principal: str = "", *, usable: bool = False) -> list[Grant]:
        """All grants that one is shown, newest first: for oneself, made by oneself, or all for those who audit tools.

        `usable`: only those that are neither revoked, expired nor used up.
        """
        return self._list(api.ListGrantsRequest(principal=principal, usable=usable), Grant)

    def get_grant(self, grant_id: str) -> Grant:
        """One grant, and how often it was used."""
        return self._call(api.GetGrantRequest(id=grant_id), Grant)

    def create_grant(self, grant: Grant, *, idempotency_key: str | None = None) -> Grant:
        """Lets a principal, which is not oneself, run some tools without a human being asked."""
        message = to_message(grant, grant_pb2.Grant())
        return self._call(api.CreateGrantRequest(grant=message, idempotency_key=idempotency_key), Grant)

    def revoke_grant(self, grant_id: str) -> Grant:
        """Ends a grant: humans are asked again."""
        return self._call(api.RevokeGrantRequest(id=grant_id), Grant)

    def list_tool_limits(self) -> list[ToolLimit]:
        """All limits, in order of their names."""
        return self._list(api.ListToolLimitsRequest(), ToolLimit)

    def get_tool_limit(self, name: str) -> ToolLimit:
        """One limit."""
        return self._call(api.GetToolLimitRequest(name=name), ToolLimit)

    def create_tool_limit(self, limit: ToolLimit, *, idempotency_key: str | None = None) -> ToolLimit:
        """Limits how often some tools may be invoked by some callers."""
        message = to_message(limit, tool_limit_pb2.ToolLimit())
        return self._call(api.CreateToolLimitRequest(limit=message, idempotency_key=idempotency_key), ToolLimit)

    def update_tool_limit(self, limit: ToolLimit, *, idempotency_key: str | None = None) -> ToolLimit:
        """Replaces a limit, or makes it; with an `etag` only the one that has that. What was used stays used."""
        message = to_message(limit, tool_limit_pb2.ToolLimit())
        return self._call(api.UpdateToolLimitRequest(limit=message, idempotency_key=idempotency_key), ToolLimit)

    def delete_tool_limit(self, name: str, etag: str = "") -> None:
        """Removes a limit, and what was used of it."""
        self._send(api.DeleteToolLimitRequest(name=name, etag=etag))

    def get_tool_allowances(self, name: str) -> list[ToolAllowance]:
        """What each limit leaves oneself of the invocations of a tool; that takes none."""
        answer = self._send(api.GetToolAllowancesRequest(name=name))
        return [from_message(ToolAllowance, each) for each in answer.allowances]

    def invoke_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        correlation_id: str = "",
        idempotency_key: str | None = None,
        task_id: str = "",
        fencing_token: int = 0,
        timeout: float | None = None,
    ) -> Invocation:
        """Runs a tool and waits for its end. A tool that fails is an answer whose `status` says so.

        The same `idempotency_key` never runs a tool twice; without one, each call of this method has its own.
        With a task and the `fencing_token` of its lease, it runs only while the caller holds that.
        """
        request = _invocation(name, arguments, correlation_id, idempotency_key)
        request.task_id, request.fencing_token = task_id, fencing_token
        return self._call(request, Invocation, timeout=timeout)

    def start_invocation(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        correlation_id: str = "",
        idempotency_key: str | None = None,
        task_id: str = "",
        fencing_token: int = 0,
    ) -> Invocation:
        """Starts a tool and returns at once; watch it or wait for it by the id. For a task as `invoke_tool`."""
        request = _invocation(name, arguments, correlation_id, idempotency_key)
        request.task_id, request.fencing_token = task_id, fencing_token
        return self._call(request, Invocation, rpc="StartInvocation")

    def watch_invocation(
        self,
        invocation_id: str,
        *,
        after_sequence: int = 0,
        timeout: float | None = None,
    ) -> Generator[InvocationEvent]:
        """Every event of an invocation up to its end, each once, over as many connections as that takes."""
        resumption = Resumption(Deadline.within(timeout), self._retries)
        follower = InvocationFollower(invocation_id, after_sequence, resumption)
        while not follower.ended:
            cut: QmcpError | None = None
            try:
                with self._stream(follower.request(), resumption.seconds()) as stream:
                    for message in stream:
                        event = follower.take(message)
                        if event:
                            yield event
                        if follower.ended:
                            return
            except QmcpError as error:
                cut = error
            time.sleep(follower.cut(cut))

    def wait_for_invocation(self, invocation_id: str, *, timeout: float | None = None) -> Invocation:
        """The invocation once it has ended."""
        for event in self.watch_invocation(invocation_id, timeout=timeout):
            if event.invocation and event.invocation.ended:
                return event.invocation
        return self.get_invocation(invocation_id)

    def get_invocation(self, invocation_id: str) -> Invocation:
        """One row of the audit."""
        return self._call(api.GetInvocationRequest(id=invocation_id), Invocation)

    def list_invocations(
        self,
        limit: int | None = 50,
        *,
        tool_name: str = "",
        status: str = "",
        correlation_id: str = "",
        principal: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        view: str = "",
        grant_id: str = "",
    ) -> list[Invocation]:
        """The newest invocations for which all filters hold; `limit` None means all there are.

        Documents of more than 4 KB are in them only where `view` is `full`.
        """
        request = api.ListInvocationsRequest(
            tool_name=tool_name,
            status=status,
            correlation_id=correlation_id,
            principal=principal,
            created_after=to_timestamp(created_after),
            created_before=to_timestamp(created_before),
            view=view,
            grant_id=grant_id,
        )
        return self._list(request, Invocation, limit=limit)

    def cancel_invocation(self, invocation_id: str) -> Invocation:
        """Asks for the end of an invocation, wherever it runs."""
        return self._call(api.CancelInvocationRequest(id=invocation_id), Invocation)

    def summarize(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> list[ToolSummary]:
        """Counts and latencies per tool, of the last 24 hours unless said otherwise."""
        request = api.SummarizeInvocationsRequest(
            tool_name=tool_name,
            created_after=to_timestamp(created_after),
            created_before=to_timestamp(created_before),
        )
        answer = self._send(request)
        return [from_message(ToolSummary, each) for each in answer.tools]

    def export_invocations(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Generator[Invocation]:
        """All invocations, oldest first, as they arrive; ExportCutOffError where the last did not arrive."""
        lines = self.export_invocation_lines(tool_name, created_after=created_after, created_before=created_before)
        for line in lines:
            if not is_end(line):
                # Fields that this version does not know are passed over.
                row = json_format.Parse(line, invocation_pb2.Invocation(), ignore_unknown_fields=True)
                yield from_message(Invocation, row)

    def export_invocation_lines(
        self,
        tool_name: str = "",
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[bytes]:
        """The same as the lines of JSON that the service sends, the last one (`{"done": true}`) among them."""
        request = api.ExportInvocationsRequest(
            tool_name=tool_name,
            created_after=to_timestamp(created_after),
            created_before=to_timestamp(created_before),
        )
        return self._ndjson(request)

    def export_receipts(
        self,
        *,
        completed_after: datetime | None = None,
        completed_before: datetime | None = None,
    ) -> Iterator[bytes]:
        """Lines of JSON with everything that `qmcp.client.receipts` verifies."""
        request = api.ExportReceiptsRequest(
            completed_after=to_timestamp(completed_after), completed_before=to_timestamp(completed_before)
        )
        return self._ndjson(request)

    def archive_receipts(self, created_before: datetime) -> Iterator[bytes]:
        """Lines of JSON with what was recorded before a time, by whole months; from then on the service may drop it."""
        return self._ndjson(api.ArchiveReceiptsRequest(created_before=to_timestamp(created_before)))

    def get_receipt(self, invocation_id: str) -> Receipt:
        """The proof of one ended invocation."""
        return self._call(api.GetReceiptRequest(invocation_id=invocation_id), Receipt)

    def get_receipt_key(self) -> ReceiptKey:
        """The public key that checkpoints are signed with."""
        return self._call(api.GetReceiptKeyRequest(), ReceiptKey)

    def verify_receipts(
        self,
        *,
        completed_after: datetime | None = None,
        completed_before: datetime | None = None,
        timeout: float | None = None,
    ) -> ReceiptVerification:
        """Has the service verify its receipts itself. To trust nobody, verify an export (`qmcp receipts verify`)."""
        request = api.VerifyReceiptsRequest(
            completed_after=to_timestamp(completed_after), completed_before=to_timestamp(completed_before)
        )
        return self._call(request, ReceiptVerification, timeout=timeout)

    def redact(self, invocation_id: str, fields: Sequence[str], reason: str) -> Invocation:
        """Erases `input_params`, `result` or both of an ended invocation for good; its receipt stays valid."""
        request = api.RedactInvocationRequest(id=invocation_id, fields=fields, reason=reason)
        return self._call(request, Invocation)


def _invocation(
    name: str, arguments: Mapping[str, Any] | None, correlation_id: str, idempotency_key: str | None
) -> api.InvokeToolRequest:
    return api.InvokeToolRequest(
        name=name,
        **to_object_or_text("input", arguments or {}),
        correlation_id=correlation_id,
        idempotency_key=idempotency_key,
    )
