"""The errors of the tools service: every reason stands in error_reason.proto.

Clients of the original QMCP look for its words in the sentences: "not found".
"""

from collections.abc import Sequence
from dataclasses import replace

from servicekit.call_buckets import Allowance
from servicekit.errors import (
    ServiceError,
    Violation,
    aborted,
    already_exists,
    exhausted,
    failed_precondition,
    invalid_argument,
    invalid_field,
    not_found,
    permission_denied,
    unavailable,
)
from services.tools.models import INVOKE, ToolPause


def tool_not_found(name: str) -> ServiceError:
    return not_found("TOOL_NOT_FOUND", f"Tool {name!r} not found. GET /v1/tools lists those there are.", tool=name)


def tool_not_permitted(name: str) -> ServiceError:
    return replace(
        permission_denied(INVOKE),
        message=f"None of your roles and keys is for running the tool {name!r}. Ask an administrator for one that is.",
        metadata={"permission": INVOKE, "tool": name},
    )


def tool_exists(name: str) -> ServiceError:
    return already_exists("TOOL_EXISTS", f"A tool named {name!r} exists. Update it, or choose another name.", tool=name)


def tool_defined_by_code(name: str) -> ServiceError:
    return failed_precondition(
        "TOOL_DEFINED_BY_CODE",
        f"The tool {name!r} is defined by code and cannot be changed here; register yours under another name.",
        tool=name,
    )


def tool_without_source(name: str) -> ServiceError:
    message = "Say what stands behind the tool: http or grpc. Tools of MCP servers come with their server."
    return invalid_argument("INVALID_REQUEST", message, [Violation("tool.http", message)], tool=name)


def tool_defined_by_server(name: str, why: str) -> ServiceError:
    return failed_precondition("TOOL_DEFINED_BY_SERVER", f"The tool {name!r} is an MCP server's: {why}", tool=name)


def mcp_server_not_found(name: str) -> ServiceError:
    return not_found(
        "MCP_SERVER_NOT_FOUND",
        f"MCP server {name!r} not found. GET /v1/mcp-servers lists those there are.",
        server=name,
    )


def mcp_server_exists(name: str) -> ServiceError:
    message = f"An MCP server named {name!r} exists. Update it, or choose another name."
    return already_exists("MCP_SERVER_EXISTS", message, server=name)


def too_many_mcp_servers(most: int) -> ServiceError:
    return failed_precondition("TOO_MANY_MCP_SERVERS", f"There are {most} MCP servers, and no more may be registered.")


def command_not_allowed(name: str) -> ServiceError:
    message = f"No command {name!r} may be run. An operator allows it in QMCP_TOOLS_STDIO_COMMANDS_FILE."
    return failed_precondition("COMMAND_NOT_ALLOWED", message, command=name)


def transport_profile_not_found(name: str) -> ServiceError:
    message = f"There is no transport profile {name!r}. An operator declares it in QMCP_TOOLS_TRANSPORT_PROFILES_FILE."
    return failed_precondition("TRANSPORT_PROFILE_NOT_FOUND", message, transport_profile=name)


def transport_profile_unusable(name: str, why: str) -> ServiceError:
    message = f"The files of the transport profile {name!r} cannot be used ({why}). An operator must look at them."
    return failed_precondition("TRANSPORT_PROFILE_NOT_FOUND", message, transport_profile=name)


def header_not_allowed(name: str) -> ServiceError:
    message = f"The header {name!r} of callers may not pass. An operator allows it in QMCP_TOOLS_CALLER_HEADERS."
    return failed_precondition("HEADER_NOT_ALLOWED", message, header=name)


def exchange_not_for_servers(credential: str) -> ServiceError:
    return invalid_field(
        "server.http.headers",
        f"name the credential {credential!r}, which is had for the token of a caller, and a connection serves them all",
    )


def caller_token_required(credential: str) -> ServiceError:
    return failed_precondition(
        "CALLER_TOKEN_REQUIRED",
        f"The credential {credential!r} is had for the token of whoever invokes the tool: call with a token of the "
        "organisation's, not with a key, and not through an approval. Nothing was sent.",
        secret=credential,
    )


def profile_not_for_grpc(why: str) -> ServiceError:
    field = "tool.grpc.transport_profile"
    return invalid_argument("INVALID_REQUEST", f"{field} {why}.", [Violation(field, why)])


def approval_invalid(field: str, why: str) -> ServiceError:
    name = f"tool.approval.{field}"
    return invalid_argument("INVALID_REQUEST", f"{name} {why}.", [Violation(name, why)])


def url_invalid(field: str, why: str) -> ServiceError:
    return invalid_argument("INVALID_REQUEST", f"{field} is no URL: {why}.", [Violation(field, why)])


def arguments_not_askable(name: str, violations: Sequence[Violation]) -> ServiceError:
    """Of a tool that a human must approve."""
    first = violations[0]
    message = f"Nobody can be asked to approve {name!r} with these arguments: {first.field}: {first.description}"
    return invalid_argument("ARGUMENTS_INVALID", message, violations, tool=name)


def arguments_invalid(name: str, violations: Sequence[Violation], invocation_id: str) -> ServiceError:
    first = violations[0]
    return invalid_argument(
        "ARGUMENTS_INVALID",
        f"The arguments do not fit {name!r}: {first.field}: {first.description}",
        violations,
        tool=name,
        invocation_id=invocation_id,
    )


def tool_busy(name: str) -> ServiceError:
    return exhausted("TOOL_BUSY", f"The tool {name!r} runs as often as it may and its queue is full.", 1, tool=name)


def tool_paused(name: str, pause: ToolPause) -> ServiceError:
    why = f": {pause.reason}" if pause.reason else "."
    return failed_precondition("TOOL_PAUSED", f"The tool {name!r} is paused{why}", tool=name)


def tool_not_loaded(name: str) -> ServiceError:
    error = unavailable(f"The tool {name!r} is defined by a plug-in that this replica has not loaded.")
    error.reason = "TOOL_NOT_LOADED"
    return error


def address_not_allowed(field: str, why: str) -> ServiceError:
    message = f"{why} An operator may allow the network with QMCP_TOOLS_ALLOWED_NETWORKS."
    return invalid_argument("ADDRESS_NOT_ALLOWED", message, [Violation(field, why)])


def secret_not_found(name: str) -> ServiceError:
    return failed_precondition(
        "SECRET_NOT_FOUND",
        f"The server holds no secret named {name!r}. An operator puts it into the folder QMCP_TOOLS_SECRETS_DIR.",
        secret=name,
    )


def secret_not_a_pair(name: str) -> ServiceError:
    message = f"The server holds no secret named {name!r} that is a user and a password with a colon between them."
    return failed_precondition("SECRET_NOT_FOUND", message, secret=name)


def secret_not_a_client(name: str, why: str) -> ServiceError:
    message = f"The server holds no secret named {name!r} that is an OAuth client: {why}."
    return failed_precondition("SECRET_NOT_FOUND", message, secret=name)


def token_not_for_this(name: str) -> ServiceError:
    message = f"${{oauth.{name}}} stands where a token would end while it is used: it is for the headers of requests."
    return failed_precondition("SECRET_NOT_FOUND", message, secret=name)


def reflection_failed(target: str, why: str) -> ServiceError:
    return failed_precondition("REFLECTION_FAILED", f"The gRPC server {target} cannot be used: {why}", target=target)


def document_invalid(field: str, why: str) -> ServiceError:
    return invalid_argument("DOCUMENT_INVALID", f"The document cannot be imported: {why}.", [Violation(field, why)])


def document_not_fetched(url: str, why: str) -> ServiceError:
    return failed_precondition("DOCUMENT_NOT_FETCHED", f"{url} could not be fetched: {why}.")


def etag_mismatch(name: str) -> ServiceError:
    return aborted("ETAG_MISMATCH", f"{name!r} was changed by somebody else. Read it again, apply your change, retry.")


def grant_not_found(grant_id: str) -> ServiceError:
    return not_found(
        "GRANT_NOT_FOUND", f"Grant {grant_id!r} not found. GET /v1/grants lists those there are.", grant=grant_id
    )


def grant_for_oneself() -> ServiceError:
    return replace(
        permission_denied("tools.admin"),
        reason="GRANT_FOR_ONESELF",
        message="A grant takes the place of a human, so nobody makes one for oneself. Ask another administrator.",
        metadata={},
    )


def too_many_grants(principal: str, most: int) -> ServiceError:
    return failed_precondition(
        "TOO_MANY_GRANTS", f"{principal!r} has {most} grants that can be used. Revoke one that is needed no more."
    )


def tool_limit_reached(name: str, allowance: Allowance) -> ServiceError:
    message = f"The limit {name!r} leaves you no invocation of this tool now."
    error = exhausted("TOOL_LIMIT_REACHED", message, allowance.next_seconds, limit=name)
    return replace(error, headers=allowance.headers)


def tool_limit_not_found(name: str) -> ServiceError:
    return not_found(
        "TOOL_LIMIT_NOT_FOUND", f"Limit {name!r} not found. GET /v1/tool-limits lists those there are.", limit=name
    )


def tool_limit_exists(name: str) -> ServiceError:
    return already_exists(
        "TOOL_LIMIT_EXISTS", f"A limit named {name!r} exists. Update it, or choose another.", limit=name
    )


def too_many_tool_limits(most: int) -> ServiceError:
    return failed_precondition("TOO_MANY_TOOL_LIMITS", f"There are {most} limits, and no more may be made.")


def invocation_not_found(invocation_id: str) -> ServiceError:
    return not_found("INVOCATION_NOT_FOUND", f"Invocation {invocation_id!r} not found.", invocation_id=invocation_id)


def invocation_ended(invocation_id: str, status: str) -> ServiceError:
    return failed_precondition(
        "INVOCATION_ENDED", f"The invocation has ended ({status}); it cannot be cancelled.", invocation_id=invocation_id
    )


def invocation_not_ended(invocation_id: str) -> ServiceError:
    return failed_precondition(
        "INVOCATION_NOT_ENDED", "The invocation has not ended, so it has no receipt yet.", invocation_id=invocation_id
    )


def lease_lost() -> ServiceError:
    return unavailable("This replica cannot show the database that it is alive, so it begins nothing. Try again.")
