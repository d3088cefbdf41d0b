"""Policies, what they come to, and sizes, as messages; times are text, as in the original."""

from collections.abc import Mapping
from datetime import datetime

from qmcp.metrics.v1 import retention_pb2

from services.metrics.retention.models import TIMES, Extent, Policy
from services.metrics.retention.retention import Cleanup, Preview


def policies_to(policies: Mapping[str, Policy]) -> retention_pb2.RetentionPolicies:
    return retention_pb2.RetentionPolicies(
        **{
            name: retention_pb2.RetentionPolicy(
                table_name=name,
                retention_days=policy.retention_days,
                is_active=policy.is_active,
                timestamp_column=TIMES[name],
            )
            for name, policy in policies.items()
        }
    )


def policy_from(request: retention_pb2.SetRetentionPolicyRequest) -> Policy:
    active = request.is_active if request.HasField("is_active") else True
    return Policy(request.table_name, request.retention_days, active)


def policy_set_to(policy: Policy) -> retention_pb2.SetRetentionPolicyResponse:
    kept = f"is kept for {policy.retention_days} days" if policy.is_active else "is kept for ever"
    return retention_pb2.SetRetentionPolicyResponse(
        status="success",
        message=f"{policy.table_name} {kept}.",
        table_name=policy.table_name,
        retention_days=policy.retention_days,
        is_active=policy.is_active,
    )


def previews_to(previews: Mapping[str, Preview]) -> retention_pb2.PreviewRetentionResponse:
    return retention_pb2.PreviewRetentionResponse(
        **{
            name: retention_pb2.RetentionPreview(
                retention_days=preview.policy.retention_days,
                records_to_delete=preview.old.rows,
                total_records=preview.total,
                oldest_record_to_delete=_text(preview.old.oldest),
                newest_record_to_delete=_text(preview.old.newest),
                cutoff_date=_text(preview.cutoff),
                percentage_to_delete=100 * preview.old.rows / max(preview.total, 1),
            )
            for name, preview in previews.items()
        }
    )


def cleanups_to(cleanups: Mapping[str, Cleanup]) -> retention_pb2.CleanUpRetentionResponse:
    return retention_pb2.CleanUpRetentionResponse(
        **{
            name: retention_pb2.RetentionCleanup(
                status=cleanup.status,
                reason="policy_inactive" if cleanup.status == "skipped" else "",
                records_deleted=cleanup.rows,
                partitions=cleanup.partitions,
                cutoff_date=_text(cleanup.cutoff),
            )
            for name, cleanup in cleanups.items()
        }
    )


def stats_to(stats: Mapping[str, tuple[Policy, Extent]]) -> retention_pb2.DatabaseStats:
    return retention_pb2.DatabaseStats(
        **{
            name: retention_pb2.TableStats(
                record_count=extent.rows,
                oldest_record=_text(extent.oldest),
                newest_record=_text(extent.newest),
                has_retention_policy=True,
                retention_days=policy.retention_days,
                policy_active=policy.is_active,
            )
            for name, (policy, extent) in stats.items()
        }
    )


def size_to(sizes: Mapping[str, int], pages: tuple[int, int, int]) -> retention_pb2.DatabaseSize:
    page_size, count, free = pages
    free = min(free, count)
    return retention_pb2.DatabaseSize(
        total_bytes=sizes[""],
        table_bytes={name: size for name, size in sizes.items() if name},
        page_size=page_size,
        page_count=count,
        free_pages=free,
        used_pages=count - free,
        database_efficiency=100 * (count - free) / max(count, 1),
    )


def _text(at: datetime | None) -> str:
    return "" if at is None else at.isoformat().replace("+00:00", "Z")
