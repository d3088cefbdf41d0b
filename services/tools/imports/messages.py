"""Domain ↔ protobuf of imports, pure functions in both directions."""

from collections import Counter

from qmcp.tools.v1 import tool_import_pb2, tools_service_pb2

from services.tools.imports.models import ImportRequest, ToolImport


def request_from(request: tools_service_pb2.ImportToolsRequest) -> ImportRequest:
    return ImportRequest(
        name=request.name,
        document=request.document,
        url=request.url,
        server_url=request.server_url,
        tags=tuple(request.tags),
        paths=tuple(request.paths),
        methods=tuple(request.methods),
        secrets=dict(request.secrets),
        dry_run=request.dry_run,
        etag=request.etag,
    )


def import_to(made: ToolImport) -> tool_import_pb2.ToolImport:
    counts = Counter(one.change for one in made.tools)
    return tool_import_pb2.ToolImport(
        name=made.name,
        applied=made.applied,
        title=made.title,
        tools=[
            tool_import_pb2.ImportedTool(
                tool_name=one.tool_name,
                operation=one.operation,
                change=one.change,
                details=one.details,
                notes=one.notes,
            )
            for one in made.tools
        ],
        added_count=counts["added"],
        changed_count=counts["changed"],
        breaking_count=counts["breaking"],
        gone_count=counts["gone"],
        unchanged_count=counts["unchanged"],
        refused_count=counts["refused"],
        etag=made.etag,
    )
