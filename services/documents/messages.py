"""Domain to protobuf and back, pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.documents.v1 import batch_pb2, contract_pb2, run_pb2, template_pb2
from qmcp.documents.v1 import documents_service_pb2 as pb

from servicekit.json_values import document
from services.documents.forms.multipart import File, Form
from services.documents.forms.options import DEFAULT_SKILL
from services.documents.models import ENDED, Batch, DocumentRun, People, RunFilter
from services.documents.rendering.models import OK, Precheck
from services.documents.runs.running import Described
from services.documents.templates.models import Template, TemplateFilter

LEASE = ("task_id", "fencing_token")
FLAGS = ("strict", "export_suggested_policy")
TEXTS = (
    *("skill", "preset", "format_mode", "format_baseline", "format_fix_mode", "format_report", "policy_yaml"),
    "stored_template",
)


def run_to(run: DocumentRun) -> run_pb2.Run:
    message = run_pb2.Run(
        id=run.id,
        status=run.status,
        exit_code=run.exit_code,
        outcome=run.outcome,
        error_code=run.error_code,
        skill=run.skill,
        preset=run.preset,
        template_sha256=run.template_sha256,
        task_sha256=run.task_sha256,
        policy_sha256=run.policy_sha256,
        document_sha256=run.document_sha256,
        missing_required=run.missing_required,
        queue_wait_ms=run.queue_wait_ms,
        subprocess_ms=run.subprocess_ms,
        total_ms=run.total_ms,
        created_by=run.created_by,
        correlation_id=run.correlation_id,
        request_id=run.request_id,
        created_at=_time(run.created_at),
        archive_bytes=run.archive_bytes,
        human_request_id=run.human_request_id,
        task_id=run.task_id,
        fencing_token=run.fencing_token,
        batch_id=run.batch_id,
        batch_item=run.batch_item,
        conversation_id=run.conversation_id or "",
    )
    if run.archived_until is not None:
        message.archived_until.CopyFrom(_time(run.archived_until))
    return message


def precheck_to(found: Precheck, request_id: str) -> pb.Precheck:
    return pb.Precheck(
        ok=found.expected_exit_code == OK,
        expected_exit_code=found.expected_exit_code,
        request_id=request_id,
        summary=pb.PrecheckSummary(
            template_field_count=len(found.template_fields),
            unsupported_count=len(found.unsupported),
            missing_required_count=len(found.missing_required),
            missing_optional_count=len(found.missing_optional),
        ),
        template_fields=found.template_fields,
        missing_required=found.missing_required,
        missing_optional=found.missing_optional,
    )


def meta_to(schemas: Mapping[str, Mapping[str, Any]], presets: Mapping[str, object], version: str) -> pb.Meta:
    message = pb.Meta(
        supported_skills=sorted(schemas),
        supported_task_types=sorted(schemas),
        supported_presets=list(presets),
        supports_precheck=True,
        supports_assist=False,
        version=version,
    )
    message.task_payload_schemas.update(schemas)
    return message


def versions_from(request: contract_pb2.DescribeTemplateRequest) -> list[tuple[bytes, str, Sequence[str]]]:
    """The template and the one before it: as sent, or what it is called, and the names of both fields."""
    return [
        (request.template, request.stored_template, ("template", "stored_template")),
        (
            request.previous_template,
            request.previous_stored_template,
            ("previous_template", "previous_stored_template"),
        ),
    ]


def contract_to(described: Described) -> contract_pb2.TemplateContract:
    message = contract_pb2.TemplateContract(
        uses=[contract_pb2.TemplateUse(**asdict(each)) for each in described.contract.uses],
        changes=[contract_pb2.ContractChange(**asdict(each)) for each in described.changes],
        breaking=any(each.kind == "breaking" for each in described.changes),
    )
    message.schema.update(described.contract.schema)
    return message


def filter_from(request: run_pb2.ListRunsRequest) -> RunFilter:
    return RunFilter(request.skill, request.outcome, request.template_sha256, request.correlation_id, request.batch_id)


def event_to(sequence: int, run: DocumentRun) -> pb.RunEvent:
    return pb.RunEvent(sequence=sequence, run=run_to(run), last=run.status in ENDED)


def started_form_from(request: pb.StartRunRequest) -> Form:
    """What is to be done later, as a form has it; the kind of its task is the skill's."""
    return form_from(request.template, _task(request.payload, "payload", request.options), request.options, request)


def batch_from(request: batch_pb2.StartBatchRequest) -> tuple[Form, list[bytes]]:
    """What all runs of a batch have, and the task of each."""
    tasks = [_task(each, f"payloads[{place}]", request.options) for place, each in enumerate(request.payloads)]
    return form_from(request.template, tasks[0], request.options, pb.RunDocumentStart()), tasks


def batch_to(batch: Batch) -> batch_pb2.Batch:
    message = batch_pb2.Batch(
        id=batch.id,
        status=batch.status,
        item_count=batch.item_count,
        ended_count=batch.ended_count,
        outcomes=batch.outcomes,
        skill=batch.skill,
        preset=batch.preset,
        template_sha256=batch.template_sha256,
        created_by=batch.created_by,
        correlation_id=batch.correlation_id,
        request_id=batch.request_id,
        created_at=_time(batch.created_at),
    )
    if batch.ended_at is not None:
        message.ended_at.CopyFrom(_time(batch.ended_at))
    return message


def batch_event_to(sequence: int, batch: Batch) -> batch_pb2.BatchEvent:
    return batch_pb2.BatchEvent(sequence=sequence, batch=batch_to(batch), last=batch.ended_at is not None)


def _task(payload: Struct, field: str, options: run_pb2.RunOptions) -> bytes:
    """As a file of a form has it; the kind of a task is the skill's."""
    task = {"task_type": options.skill or DEFAULT_SKILL, "payload": document(payload, field)}
    # By their names: an object has no order on its way here, and the same task is to be the same bytes.
    return json.dumps(task, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()


def people_from(request: pb.StartRunRequest) -> People | None:
    """Who is to be asked about a run; None: nobody."""
    if not request.HasField("people"):
        return None
    people = request.people
    return People(
        people.ask_missing,
        people.approve_release,
        list(people.assignees),
        list(people.groups),
        people.four_eyes,
        people.timeout_seconds,
    )


def form_from(
    template: bytes,
    task: bytes,
    options: run_pb2.RunOptions,
    under: pb.StartRunRequest | pb.RunDocumentStart,
) -> Form:
    """What came over gRPC, as a form has it."""
    fields = {name: str(getattr(options, name)) for name in TEXTS if getattr(options, name)}
    fields |= {name: str(getattr(under, name)) for name in LEASE if getattr(under, name)}
    fields |= {name: str(getattr(options, name)).lower() for name in FLAGS if options.HasField(name)}
    files = {"task": File("task.json", task)}
    if template or not options.stored_template:
        files["template"] = File("template.docx", template)
    return Form(files, fields)


def template_to(template: Template) -> template_pb2.Template:
    return template_pb2.Template(
        id=template.id,
        name=template.name,
        version=template.version,
        sha256=template.sha256,
        size_bytes=template.size_bytes,
        shared_with=template.shared_with,
        created_by=template.created_by,
        created_at=_time(template.created_at),
    )


def template_filter_from(request: template_pb2.ListTemplatesRequest) -> TemplateFilter:
    return TemplateFilter(request.name, request.sha256)


def _time(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message
