"""What humans are asked about an invocation, and what their answer means for its arguments."""

from typing import Any

import orjson

from servicekit.identity.detached_work import Sponsor
from servicekit.json_values import long_integers_as_strings
from services.tools.audit.canonical import canonical, parsed
from services.tools.audit.receipts import arguments_digest
from services.tools.catalogue.loading import LoadedTool
from services.tools.catalogue.message_arguments import ArgumentsError
from services.tools.execution.active import InvocationRequest
from services.tools.models import Answer, ApprovalPolicy, ApprovalRequest, Intent, Invocation, Json, Proposal, Tool

# hitl takes schemas of 64 KiB. One that may be larger on the wire is left out: what humans edit is checked here, too.
MAX_SCHEMA_BYTES = 32_768


def approval_request(
    invocation: Invocation, reference: str, tool: Tool, policy: ApprovalPolicy, proposed: Proposal | None
) -> ApprovalRequest:
    """The request about an invocation: the same whenever it is made, so that it is asked once."""
    intent, approval = invocation.intent, invocation.approval
    assert approval is not None
    assert intent.input_params is not None
    return ApprovalRequest(
        id=approval.human_request_id,
        prompt=f"May {intent.principal} run the tool {tool.name} with these arguments?",
        context={
            "tool_name": tool.name,
            "tool_title": tool.title,
            "tool_description": tool.description,
            "tool_etag": intent.tool_etag,
            "invocation_id": str(intent.id),
            "principal": intent.principal,
            "arguments_digest": arguments_digest(intent),
        },
        arguments=orjson.loads(intent.input_params),
        arguments_schema=_small(tool.input_schema),
        policy=policy,
        principal=intent.principal,
        reference=reference,
        correlation_id=intent.correlation_id,
        tool=tool,
        proposed=proposed,
    )


def approved_arguments(
    intent: Intent, answer: Answer, loaded: LoadedTool | None
) -> tuple[dict[str, Any], str | None, str]:
    """The arguments to run with, their canonical text where humans changed them, and why they cannot be used."""
    assert intent.input_params is not None
    proposed = parsed(intent.input_params)
    try:
        texts = [None if edited is None else canonical(_carried(edited, loaded)) for edited in answer.edited]
    except ArgumentsError as error:
        return proposed, None, f"The arguments as they were edited {error}"
    except ValueError as error:
        return proposed, None, f"The arguments as they were edited are no JSON: {error}"
    changed = [None if text == intent.input_params else text for text in texts]
    edited = changed[-1] if changed else None
    if any(text != edited for text in changed):
        return proposed, edited, "Those who approved it did not approve the same arguments."
    if edited is None:
        return proposed, None, ""
    arguments = parsed(edited)
    faults = loaded.faults(loaded.exact(arguments)) if loaded is not None else ()
    if faults:
        fault = f"{faults[0].field}: {faults[0].description}"
        return proposed, edited, f"The arguments as they were edited do not fit the tool: {fault}"
    return arguments, edited, ""


def request_for(intent: Intent, arguments: dict[str, Any], reference: str) -> InvocationRequest:
    """The request to run with the arguments that were approved, for who has this reference."""
    return InvocationRequest(
        intent.tool_name,
        arguments,
        intent.principal,
        intent.correlation_id,
        intent.idempotency_key,
        Sponsor(reference),
        intent.lease,
        intent.id,
    )


def _carried(edited: dict[str, Any], loaded: LoadedTool | None) -> dict[str, Any]:
    """What was edited in the form in which it was proposed."""
    return edited if loaded is None or loaded.reader is None else long_integers_as_strings(loaded.exact(edited))


def _small(schema: Json) -> Json:
    return schema if schema is not None and len(orjson.dumps(schema)) <= MAX_SCHEMA_BYTES else None
