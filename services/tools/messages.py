"""Domain ↔ protobuf, pure functions in both directions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import orjson
from qmcp.tools.v1 import invocation_pb2, mcp_server_pb2, receipt_pb2, tool_pb2, tools_service_pb2

from servicekit.deep_json import put
from servicekit.identity.principal import Principal
from servicekit.json_values import document, fill_struct, fill_value
from servicekit.masking import MASKED, masked_url
from servicekit.timestamps import fields_of, to_datetime, to_timestamp
from services.tools import models
from services.tools.audit import models as audit
from services.tools.audit import receipts
from services.tools.catalogue.messages import (
    grpc_source_from,
    grpc_source_to,
    http_source_from,
    http_source_to,
)
from services.tools.mcp_servers.models import HttpTransport, McpServer, StdioTransport

# Who defines tools.
WRITE = "tools.write"


def tool_from(message: tool_pb2.Tool) -> models.Tool:
    """A tool as a caller defines it; what the server sets is left out."""
    a = message.annotations
    return models.Tool(
        name=message.name,
        kind="",
        title=message.title,
        description=message.description,
        input_schema=document(message.input_schema, "tool.input_schema") if message.HasField("input_schema") else None,
        output_schema=document(message.output_schema, "tool.output_schema")
        if message.HasField("output_schema")
        else None,
        annotations=models.Annotations(a.read_only, a.destructive, a.idempotent, a.open_world),
        version=message.version,
        tags=tuple(message.tags),
        labels=dict(message.labels),
        timeout_seconds=message.timeout_seconds,
        max_concurrency=message.max_concurrency,
        source=_source_from(message),
        approval=_policy_from(message.approval) if message.HasField("approval") else None,
        reconcile_tool=message.reconcile_tool,
    )


def _policy_from(message: tool_pb2.ApprovalPolicy) -> models.ApprovalPolicy:
    return models.ApprovalPolicy(
        mode=cast("Any", message.mode or "never"),
        when=document(message.when, "tool.approval.when") if message.HasField("when") else None,
        assignees=tuple(message.assignees),
        groups=tuple(message.groups),
        timeout_seconds=message.timeout_seconds,
        required=message.required,
        four_eyes=message.four_eyes,
    )


def server_from(message: mcp_server_pb2.McpServer) -> McpServer:
    """A server as a caller defines it; what the service sets is left out."""
    stdio = message.WhichOneof("transport") == "stdio"
    return McpServer(
        name=message.name,
        transport=StdioTransport(message.stdio.command)
        if stdio
        else HttpTransport(message.http.url, dict(message.http.headers), message.http.transport_profile),
        approval=_policy_from(message.approval) if message.HasField("approval") else None,
        timeout_seconds=message.timeout_seconds,
        max_concurrency=message.max_concurrency,
    )


def server_to(server: McpServer, by: Principal) -> mcp_server_pb2.McpServer:
    """A server as it is shown: where it is, and with which headers, to those who define tools alone."""
    standing, transport = server.standing, server.transport
    message = mcp_server_pb2.McpServer(
        name=server.name,
        timeout_seconds=server.timeout_seconds,
        max_concurrency=server.max_concurrency,
        etag=server.etag,
        created_at=to_timestamp(server.created_at),
        updated_at=to_timestamp(server.updated_at),
        state=standing.state,
        state_at=to_timestamp(standing.since),
        reason=standing.reason,
        refreshed_at=to_timestamp(standing.refreshed_at),
        tool_count=standing.tool_count,
        refused_tools=[mcp_server_pb2.RefusedMcpTool(name=one.name, reason=one.reason) for one in standing.refused],
    )
    if isinstance(transport, StdioTransport):
        message.stdio.CopyFrom(mcp_server_pb2.McpStdioTransport(command=transport.command))
    else:
        url, headers = transport.url, dict(transport.headers)
        if not by.may(WRITE):
            url, headers = masked_url(url), dict.fromkeys(headers, MASKED)
        profile = transport.transport_profile
        message.http.CopyFrom(mcp_server_pb2.McpHttpTransport(url=url, headers=headers, transport_profile=profile))
    if server.approval is not None:
        _fill_policy(message.approval, server.approval)
    return message


def _source_from(
    message: tool_pb2.Tool,
) -> models.HttpSource | models.GrpcSource | models.McpSource | None:
    match message.WhichOneof("source"):
        case "http":
            return http_source_from(message.http)
        case "grpc":
            return grpc_source_from(message.grpc)
        case "mcp":
            return models.McpSource(message.mcp.server, message.mcp.tool)
        case _:
            return None


def tool_to(tool: models.Tool, by: Principal) -> tool_pb2.Tool:
    """A tool as it is shown: where it is sent, and with which headers, to those who define tools alone."""
    whole = by.may(WRITE)
    a = tool.annotations
    message = tool_pb2.Tool(
        name=tool.name,
        kind=tool.kind,
        title=tool.title,
        description=tool.description,
        annotations=tool_pb2.ToolAnnotations(
            read_only=a.read_only, destructive=a.destructive, idempotent=a.idempotent, open_world=a.open_world
        ),
        version=tool.version,
        tags=tool.tags,
        labels=tool.labels,
        timeout_seconds=tool.timeout_seconds,
        max_concurrency=tool.max_concurrency,
        etag=tool.etag,
        import_name=tool.import_name,
        reconcile_tool=tool.reconcile_tool,
        created_at=to_timestamp(tool.created_at),
        updated_at=to_timestamp(tool.updated_at),
    )
    for schema, target in ((tool.input_schema, message.input_schema), (tool.output_schema, message.output_schema)):
        if schema is not None:
            fill_struct(target, schema)
    match tool.source:
        case models.HttpSource():
            message.http.CopyFrom(http_source_to(tool.source, whole=whole))
        case models.GrpcSource():
            message.grpc.CopyFrom(grpc_source_to(tool.source, whole=whole))
        case models.McpSource(server, name):
            message.mcp.CopyFrom(tool_pb2.McpSource(server=server, tool=name))
    if tool.approval is not None:
        _fill_policy(message.approval, tool.approval)
    if tool.pause is not None:
        at = to_timestamp(tool.pause.at)
        message.pause.CopyFrom(tool_pb2.ToolPause(at=at, by=tool.pause.by, reason=tool.pause.reason))
    if tool.outage is not None:
        message.outage.CopyFrom(tool_pb2.ToolOutage(at=to_timestamp(tool.outage.since), reason=tool.outage.reason))
    return message


def _fill_policy(message: tool_pb2.ApprovalPolicy, policy: models.ApprovalPolicy) -> None:
    message.mode = policy.mode
    if policy.when is not None:
        fill_struct(message.when, policy.when)
    message.assignees.extend(policy.assignees)
    message.groups.extend(policy.groups)
    message.timeout_seconds = policy.timeout_seconds
    message.required = policy.required
    message.four_eyes = policy.four_eyes


def invocation_to(invocation: models.Invocation) -> invocation_pb2.Invocation:
    intent, outcome = invocation.intent, invocation.outcome
    message = invocation_pb2.Invocation(
        id=str(intent.id),
        tool_name=intent.tool_name,
        tool_etag=intent.tool_etag,
        status=invocation.status,
        created_at=fields_of(intent.created_at),
        completed_at=fields_of(outcome.completed_at) if outcome is not None else None,
        error=outcome.error if outcome is not None else "",
        error_reason=outcome.error_reason if outcome is not None else "",
        duration_ms=outcome.duration_ms if outcome is not None else None,
        correlation_id=intent.correlation_id,
        idempotency_key=intent.idempotency_key,
        principal=intent.principal,
        redacted_fields=invocation.redacted_fields,
        omitted_fields=invocation.omitted_fields,
        task_id=intent.task_id,
        fencing_token=intent.fencing_token,
        grant_id=intent.grant_id,
    )
    if intent.input_params is not None:
        put(message, "input_params", orjson.loads(intent.input_params))
    put(message, "result", _parsed(None if outcome is None else outcome.result))
    if invocation.approval is not None:
        _fill_approval(message.approval, invocation.approval, intent)
    if (found := invocation.reconciliation) is not None:
        message.reconciliation.CopyFrom(
            invocation_pb2.Reconciliation(
                status=found.status,
                tool_name=found.tool_name,
                attempts=map(str, found.attempts),
                decided_at=to_timestamp(found.decided_at),
            )
        )
    return message


def _parsed(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def invocations_to(page: Sequence[models.Invocation], token: str) -> tools_service_pb2.ListInvocationsResponse:
    return tools_service_pb2.ListInvocationsResponse(
        invocations=map(invocation_to, page), next_page_token=token, count=len(page)
    )


def _fill_approval(message: invocation_pb2.Approval, approval: models.Approval, intent: models.Intent) -> None:
    message.human_request_id = approval.human_request_id
    message.arguments_digest = receipts.arguments_digest(intent)
    decision = approval.decision
    if decision is None:
        message.status = "pending"
        return
    message.status, message.grant_id = decision.status, decision.grant_id
    message.decided_by.extend(decision.decided_by)
    message.decided_at.FromDatetime(decision.decided_at)
    message.comment = decision.comment or ""
    if decision.edited_arguments is not None:
        put(message, "edited_arguments", orjson.loads(decision.edited_arguments))


def call_to(invocation: models.Invocation) -> tools_service_pb2.CallToolResponse:
    """The original QMCP's form of the answer."""
    message = tools_service_pb2.CallToolResponse(invocation_id=str(invocation.intent.id))
    outcome, approval = invocation.outcome, invocation.approval
    failed = outcome is not None and outcome.status != "success"
    error = f"Tool execution failed: {outcome.error}" if outcome is not None and failed else None
    if outcome is None and approval is not None:
        error = f"Awaiting approval: human request {approval.human_request_id}"
    put(message, "result", _parsed(None if outcome is None or failed else outcome.result))
    fill_value(message.error, error)
    return message


def event_to(event: models.Event | None, sequence: int) -> invocation_pb2.InvocationEvent:
    """An event; None is a heartbeat, which repeats the sequence number."""
    if event is None:
        beat = invocation_pb2.InvocationEvent.Heartbeat()
        return invocation_pb2.InvocationEvent(sequence=sequence, at=to_timestamp(datetime.now(UTC)), heartbeat=beat)
    message = invocation_pb2.InvocationEvent(sequence=event.sequence, at=to_timestamp(event.at))
    match event.happened:
        case models.Progress(progress, total, text):
            message.progress.CopyFrom(invocation_pb2.Progress(progress=progress, total=total, message=text))
        case models.Invocation() as invocation:
            message.invocation.CopyFrom(invocation_to(invocation))
            message.last = invocation.ended
    return message


def summary_to(summary: audit.ToolSummary) -> invocation_pb2.ToolSummary:
    return invocation_pb2.ToolSummary(**{name: getattr(summary, name) for name in summary.__slots__})


def receipt_to(invocation: models.Invocation, checkpoint: audit.Checkpoint | None) -> receipt_pb2.Receipt:
    """The receipt of an ended invocation."""
    assert invocation.outcome is not None
    assert invocation.link is not None
    link = invocation.link
    content = receipts.content(invocation.outcome, link.chain_id, link.sequence, link.result_digest)
    return receipt_pb2.Receipt(
        invocation_id=str(invocation.intent.id),
        chain_id=str(link.chain_id),
        sequence=link.sequence,
        previous_digest=link.previous_digest.hex(),
        digest=link.digest.hex(),
        content=content.decode(),
        input_salt=(invocation.intent.input_salt or b"").hex(),
        result_salt=(link.result_salt or b"").hex(),
        checkpoint=checkpoint_to(checkpoint) if checkpoint is not None else None,
    )


def checkpoint_to(checkpoint: audit.Checkpoint) -> receipt_pb2.Checkpoint:
    return receipt_pb2.Checkpoint(
        sequence=checkpoint.sequence,
        signed_at=to_timestamp(checkpoint.signed_at),
        content=checkpoint.content,
        signature=checkpoint.signature.hex(),
        key_id=checkpoint.key_id,
    )


def verification_to(found: audit.Verification, max_faults: int) -> tools_service_pb2.VerifyReceiptsResponse:
    return tools_service_pb2.VerifyReceiptsResponse(
        valid=not found.faults,
        receipts_verified=found.receipts,
        checkpoints_verified=found.checkpoints,
        receipts_unsigned=found.unsigned,
        fault_count=len(found.faults),
        faults=[
            receipt_pb2.ReceiptFault(
                kind=fault.kind,
                invocation_id=fault.invocation_id,
                chain_id=fault.chain_id,
                sequence=fault.sequence,
                detail=fault.detail,
            )
            for fault in found.faults[:max_faults]
        ],
    )


Filtering: TypeAlias = (
    tools_service_pb2.ListInvocationsRequest
    | tools_service_pb2.ExportInvocationsRequest
    | tools_service_pb2.SummarizeInvocationsRequest
)


def filter_from(request: Filtering) -> audit.InvocationFilter:
    """The filter in a request; those that a request lacks are empty."""
    wanted = audit.InvocationFilter(
        tool_name=request.tool_name,
        created_after=to_datetime(request, "created_after"),
        created_before=to_datetime(request, "created_before"),
    )
    if isinstance(request, tools_service_pb2.ListInvocationsRequest):
        wanted = replace(
            wanted,
            status=request.status,
            correlation_id=request.correlation_id,
            principal=request.principal,
            grant_id=request.grant_id,
        )
    return wanted
