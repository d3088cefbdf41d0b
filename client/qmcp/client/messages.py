"""Between the messages of the contract and the client's values: pure functions, both directions."""

from google.protobuf import json_format
from qmcp.client import models
from qmcp.client.values import from_struct, from_timestamp, from_value, to_struct
from qmcp.tools.v1 import invocation_pb2, receipt_pb2, tool_pb2, tools_service_pb2


def tool(message: tool_pb2.Tool) -> models.Tool:
    """A tool of the catalogue."""
    return models.Tool(
        name=message.name,
        title=message.title,
        description=message.description,
        input_schema=from_struct(message.input_schema) if message.HasField("input_schema") else None,
        output_schema=from_struct(message.output_schema) if message.HasField("output_schema") else None,
        annotations=models.ToolAnnotations(
            read_only=message.annotations.read_only,
            destructive=message.annotations.destructive,
            idempotent=message.annotations.idempotent,
            open_world=message.annotations.open_world,
        ),
        version=message.version,
        tags=tuple(message.tags),
        labels=dict(message.labels),
        timeout_seconds=message.timeout_seconds,
        max_concurrency=message.max_concurrency,
        source=_source(message),
        approval=_policy(message.approval) if message.HasField("approval") else None,
        kind=message.kind,
        etag=message.etag,
        created_at=from_timestamp(message, "created_at"),
        updated_at=from_timestamp(message, "updated_at"),
    )


def _source(message: tool_pb2.Tool) -> models.HttpSource | models.GrpcSource | None:
    match message.WhichOneof("source"):
        case "http":
            http = message.http
            return models.HttpSource(url=http.url, method=http.method or "POST", headers=dict(http.headers))
        case "grpc":
            return models.GrpcSource(target=message.grpc.target, method=message.grpc.method, tls=message.grpc.tls)
        case _:
            return None


def _policy(message: tool_pb2.ApprovalPolicy) -> models.ApprovalPolicy:
    return models.ApprovalPolicy(
        mode=message.mode or "never",
        when=from_struct(message.when) if message.HasField("when") else None,
        assignees=tuple(message.assignees),
        groups=tuple(message.groups),
        timeout_seconds=message.timeout_seconds,
        required=message.required,
        four_eyes=message.four_eyes,
    )


def tool_message(value: models.Tool) -> tool_pb2.Tool:
    """A tool to register. What the service sets itself is left out, but the etag."""
    annotations = value.annotations
    message = tool_pb2.Tool(
        name=value.name,
        title=value.title,
        description=value.description,
        input_schema=None if value.input_schema is None else to_struct(value.input_schema),
        output_schema=None if value.output_schema is None else to_struct(value.output_schema),
        annotations=tool_pb2.ToolAnnotations(
            read_only=annotations.read_only,
            destructive=annotations.destructive,
            idempotent=annotations.idempotent,
            open_world=annotations.open_world,
        ),
        version=value.version,
        tags=value.tags,
        labels=value.labels,
        timeout_seconds=value.timeout_seconds,
        max_concurrency=value.max_concurrency,
        etag=value.etag,
    )
    match value.source:
        case models.HttpSource(url, method, headers):
            message.http.CopyFrom(tool_pb2.HttpSource(url=url, method=method, headers=headers))
        case models.GrpcSource(target, method, tls):
            message.grpc.CopyFrom(tool_pb2.GrpcSource(target=target, method=method, tls=tls))
    if value.approval is not None:
        message.approval.CopyFrom(_policy_message(value.approval))
    return message


def _policy_message(value: models.ApprovalPolicy) -> tool_pb2.ApprovalPolicy:
    return tool_pb2.ApprovalPolicy(
        mode=value.mode,
        when=None if value.when is None else to_struct(value.when),
        assignees=value.assignees,
        groups=value.groups,
        timeout_seconds=value.timeout_seconds,
        required=value.required,
        four_eyes=value.four_eyes,
    )


def invocation(message: invocation_pb2.Invocation) -> models.Invocation:
    """A row of the audit."""
    return models.Invocation(
        id=message.id,
        tool_name=message.tool_name,
        status=message.status,
        result=from_value(message.result),
        error=message.error,
        error_reason=message.error_reason,
        input_params=from_struct(message.input_params) if message.HasField("input_params") else None,
        duration_ms=message.duration_ms if message.HasField("duration_ms") else None,
        created_at=from_timestamp(message, "created_at"),
        completed_at=from_timestamp(message, "completed_at"),
        correlation_id=message.correlation_id,
        idempotency_key=message.idempotency_key,
        principal=message.principal,
        tool_etag=message.tool_etag,
        redacted_fields=tuple(message.redacted_fields),
        approval=_approval(message.approval) if message.HasField("approval") else None,
    )


def _approval(message: invocation_pb2.Approval) -> models.Approval:
    return models.Approval(
        human_request_id=message.human_request_id,
        status=message.status,
        decided_by=tuple(message.decided_by),
        decided_at=from_timestamp(message, "decided_at"),
        comment=message.comment,
        edited_arguments=from_struct(message.edited_arguments) if message.HasField("edited_arguments") else None,
        arguments_digest=message.arguments_digest,
    )


def invocation_line(line: bytes) -> models.Invocation:
    """A row of the audit from a line of an export; fields that this version does not know are passed over."""
    return invocation(json_format.Parse(line, invocation_pb2.Invocation(), ignore_unknown_fields=True))


def event(message: invocation_pb2.InvocationEvent) -> models.InvocationEvent:
    """An event of a watch that is neither a heartbeat nor an error."""
    progress = None
    if message.HasField("progress"):
        total = message.progress.total if message.progress.HasField("total") else None
        progress = models.Progress(message.progress.progress, total, message.progress.message)
    return models.InvocationEvent(
        sequence=message.sequence,
        at=from_timestamp(message, "at"),
        last=message.last,
        progress=progress,
        invocation=invocation(message.invocation) if message.HasField("invocation") else None,
    )


def summary(message: invocation_pb2.ToolSummary) -> models.ToolSummary:
    """Counts and latencies of one tool."""
    return models.ToolSummary(
        tool_name=message.tool_name,
        count=message.count,
        success_count=message.success_count,
        failed_count=message.failed_count,
        cancelled_count=message.cancelled_count,
        duration_ms_p50=message.duration_ms_p50,
        duration_ms_p95=message.duration_ms_p95,
        duration_ms_p99=message.duration_ms_p99,
    )


def receipt(message: receipt_pb2.Receipt) -> models.Receipt:
    """The proof of one invocation."""
    return models.Receipt(
        invocation_id=message.invocation_id,
        chain_id=message.chain_id,
        sequence=message.sequence,
        previous_digest=message.previous_digest,
        digest=message.digest,
        content=message.content,
        input_salt=message.input_salt,
        result_salt=message.result_salt,
        checkpoint=_checkpoint(message.checkpoint) if message.HasField("checkpoint") else None,
    )


def _checkpoint(message: receipt_pb2.Checkpoint) -> models.Checkpoint:
    return models.Checkpoint(
        sequence=message.sequence,
        signed_at=from_timestamp(message, "signed_at"),
        content=message.content,
        signature=message.signature,
        key_id=message.key_id,
    )


def verification(message: tools_service_pb2.VerifyReceiptsResponse) -> models.ReceiptVerification:
    """What the service's own verification found."""
    return models.ReceiptVerification(
        valid=message.valid,
        receipts_verified=message.receipts_verified,
        checkpoints_verified=message.checkpoints_verified,
        receipts_unsigned=message.receipts_unsigned,
        fault_count=message.fault_count,
        faults=tuple(
            models.ReceiptFault(fault.kind, fault.invocation_id, fault.chain_id, fault.sequence, fault.detail)
            for fault in message.faults
        ),
    )


def receipt_key(message: tools_service_pb2.ReceiptKey) -> models.ReceiptKey:
    """The key that checkpoints are signed with."""
    return models.ReceiptKey(public_key_pem=message.public_key_pem, key_id=message.key_id)
