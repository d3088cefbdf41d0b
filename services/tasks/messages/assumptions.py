"""What was assumed, as messages."""

from datetime import UTC, datetime

from qmcp.tasks.v1 import assumption_pb2 as pb
from qmcp.tasks.v1 import original_knowledge_pb2 as original

from servicekit.timestamps import to_timestamp
from services.tasks.assumptions.models import (
    Finding,
    Insights,
    NewTag,
    Recent,
    TagDetail,
    Validation,
    ValidationFilter,
)
from services.tasks.assumptions.vocabulary import KINDS


def validation_to(validation: Validation) -> pb.AssumptionValidation:
    return pb.AssumptionValidation(
        id=validation.id,
        project_id=validation.project_id,
        epic_id=validation.epic_id,
        task_id=validation.task_id,
        ra_tag_id=validation.tag,
        tag_type=validation.tag_type,
        outcome=validation.outcome,
        confidence=validation.confidence,
        reason=validation.reason,
        validator=validation.validator,
        reviewer_agent_id=validation.agent_id,
        validated_at=to_timestamp(validation.validated_at),
    )


def insights_to(insights: Insights) -> pb.AssumptionInsights:
    total = sum(insights.outcomes.values())
    return pb.AssumptionInsights(
        total_validations=total,
        success_rate=insights.outcomes.get("validated", 0) / total if total else 0,
        outcome_breakdown=insights.outcomes,
        tag_type_breakdown={
            name: pb.TagTypeInsight(total=number, validated=held) for name, (number, held) in insights.tag_types.items()
        },
        recent_examples=map(validation_to, insights.recent),
        cache_timestamp=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        trend_data=(pb.AssumptionTrend(date=day, total=number, validated=held) for day, number, held in insights.days),
    )


def vocabulary_to() -> pb.RaTagVocabulary:
    return pb.RaTagVocabulary(
        kinds=(pb.RaTagKind(tag=tag, tag_type=of, description=about) for tag, (of, about) in KINDS.items())
    )


def finding_from(request: pb.CaptureAssumptionValidationRequest) -> Finding:
    confidence = request.confidence if request.HasField("confidence") else None
    return Finding(
        request.task_id, request.ra_tag_id, request.outcome, confidence, request.reason, request.reviewer_agent_id
    )


def tag_from(request: pb.AddRaTagRequest) -> NewTag:
    return NewTag(
        request.task_id,
        request.ra_tag_text,
        request.file_path,
        request.line_number,
        request.code_snippet,
        request.agent_id,
        request.fencing_token,
    )


def recent_to(recent: Recent) -> original.ReadRecentAssumptionsResponse:
    return original.ReadRecentAssumptionsResponse(
        validations=map(validation_to, recent.validations),
        total_count=recent.total,
        has_more=recent.more,
        next_cursor=recent.validations[-1].id if recent.more else "",
    )


def details_to(details: list[TagDetail]) -> original.TagDetails:
    return original.TagDetails(details=map(_detail_to, details))


def _detail_to(detail: TagDetail) -> original.TagDetail:
    total = sum(detail.outcomes.values())
    return original.TagDetail(
        tag_type=detail.tag_type,
        tag=detail.tag,
        description=detail.description,
        total=total,
        validated=detail.outcomes.get("validated", 0),
        rejected=detail.outcomes.get("rejected", 0),
        partial=detail.outcomes.get("partial", 0),
        success_rate=detail.outcomes.get("validated", 0) / total if total else 0,
    )


def filter_from(
    request: pb.ListAssumptionValidationsRequest
    | pb.GetAssumptionInsightsRequest
    | original.ReadRecentAssumptionsRequest,
) -> ValidationFilter:
    return ValidationFilter(request.project_id, request.epic_id, request.task_id, request.outcome, request.tag_type)
