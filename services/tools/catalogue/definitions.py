"""Definitions of tools: what one must be to be registered, and the etag that stands for it."""

import hashlib
from dataclasses import replace

import orjson

from servicekit.errors import invalid_field
from servicekit.schemas import Schema, schema_invalid
from services.tools import errors
from services.tools.models import ApprovalPolicy, GrpcSource, HttpSource, Json, McpSource, Tool
from services.tools.models.sources import LATER


def checked(tool: Tool) -> Tool:
    """The definition with its etag.

    Raises:
        ServiceError: SCHEMA_INVALID, INVALID_REQUEST: it could not be loaded, or its approval could never be given.
    """
    _check(tool)
    return replace(tool, etag=_etag(tool))


def _etag(tool: Tool) -> str:
    """A digest of the definition: the same definition has the same etag, wherever and whenever it is registered."""
    covered = replace(tool, etag="", created_at=None, updated_at=None, descriptors=None)
    fields = orjson.loads(orjson.dumps(covered, option=orjson.OPT_SORT_KEYS))
    # Not of the definition: one that was approved before a pause may run after it.
    del fields["pause"], fields["outage"], fields["own_settings"], fields["import_name"]
    if tool.approval is None:
        # Tools without one keep the etag that they had before there were approvals.
        del fields["approval"]
    if not tool.reconcile_tool:
        del fields["reconcile_tool"]
    if isinstance(tool.source, HttpSource | GrpcSource):
        # Nor what came later, where a tool has none of it.
        for name in LATER & fields["source"].keys():
            if not fields["source"][name]:
                del fields["source"][name]
    document = orjson.dumps(fields)
    return hashlib.sha256(document + (tool.descriptors or b"")).hexdigest()[:16]


def _check(tool: Tool) -> None:
    """Refuses a tool that could not be loaded, or whose approval could never be given."""
    input_schema(tool.input_schema)
    Schema(tool.output_schema, "output_schema")
    check_approval(tool.approval)
    if tool.reconcile_tool and (tool.reconcile_tool == tool.name or isinstance(tool.source, McpSource)):
        raise invalid_field("tool.reconcile_tool", "must be another tool, and is not for tools of MCP servers")


def check_approval(policy: ApprovalPolicy | None) -> None:
    """Refuses a policy that could not be loaded, or by which nobody could ever approve.

    Raises:
        ServiceError: SCHEMA_INVALID, INVALID_REQUEST.
    """
    if policy is None:
        return
    if policy.mode == "when" and policy.when is None:
        raise errors.approval_invalid("when", "is the schema of the arguments that need an approval; it is missing")
    Schema(policy.when, "approval.when")
    if policy.assignees and not policy.groups and policy.required > len(policy.assignees):
        raise errors.approval_invalid("required", "is more than there are assignees: it could never be approved")


def approval_schema(policy: ApprovalPolicy | None) -> Schema | None:
    if policy is None or policy.mode == "never":
        return None
    return Schema(policy.when if policy.mode == "when" else None, "approval.when")


def input_schema(document: Json) -> Schema:
    """The schema of arguments, which are always an object."""
    if document is not None and document.get("type", "object") != "object":
        raise schema_invalid("input_schema", "its type must be object, because arguments have names")
    return Schema(document, "input_schema")
