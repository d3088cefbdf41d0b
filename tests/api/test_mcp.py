"""What the contract marks for MCP can be a tool: one answer to one request, under a name that is its own."""

import re

import jsonschema_rs
import pytest
from qmcp.options.v1 import options_pb2

from gateway import contract
from gateway.mcp import documents
from gateway.mcp.contract_tools import contract_tools, marked, tool_name

TOOLS = contract_tools()


def test_each_has_a_name_of_its_own_that_every_client_takes() -> None:
    names = [tool_name(method) for method in marked()]
    assert len(names) == len(set(names)) == len(TOOLS) > 0
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) for name in names)


@pytest.mark.parametrize("name", TOOLS)
def test_each_is_a_call_that_is_answered_once_with_schemas_that_hold_all_that_they_name(name: str) -> None:
    tool = TOOLS[name]
    assert (tool.method.client_streaming, tool.method.server_streaming) == (False, False)
    assert tool.method in contract.at_edge(tool.method.containing_service)
    assert not contract.option(tool.method, options_pb2.path_credential)
    assert tool.described.description
    assert 1 <= len(tool.described.title or "") <= 64
    for schema in (tool.described.input_schema, tool.described.output_schema):
        assert schema is not None
        assert schema["type"] == "object"
        jsonschema_rs.validator_for(schema)


# The tools of the original project manager, with all arguments that they took.
ORIGINALS = {
    "get_available_tasks": "status include_locked limit",
    "acquire_task_lock": "task_id agent_id timeout",
    "update_task_status": "task_id status agent_id",
    "release_task_lock": "task_id agent_id",
    "get_instructions": "format project_id epic_id include_knowledge_context",
    "create_task": "name description epic_id epic_name project_id project_name ra_mode ra_score ra_tags ra_metadata "
    "prompt_snapshot dependencies parallel_group conflicts_with parallel_eligible client_session_id",
    "update_task": "task_id agent_id name description status ra_mode ra_score ra_tags ra_metadata ra_tags_mode "
    "ra_metadata_mode log_entry",
    "get_task_details": "task_id log_limit before_seq",
    "list_projects": "status limit",
    "list_epics": "project_id limit",
    "list_tasks": "project_id epic_id status limit",
    "get_knowledge": "project_id epic_id category knowledge_id parent_id limit include_inactive",
    "upsert_knowledge": "title content knowledge_id category tags parent_id project_id epic_id task_id priority "
    "is_active created_by metadata",
    "append_knowledge_log": "knowledge_id action_type change_reason created_by metadata",
    "capture_assumption_validation": "task_id ra_tag_id outcome reason confidence reviewer_agent_id",
    "add_ra_tag": "task_id ra_tag_text file_path line_number code_snippet agent_id",
}


def test_the_originals_tools_are_there_by_their_names_and_take_all_arguments_that_they_took() -> None:
    assert len(ORIGINALS) == 16
    for name, arguments in ORIGINALS.items():
        assert set(arguments.split()) <= set(TOOLS[name].described.input_schema["properties"]), name


def test_arguments_that_are_called_otherwise_are_fields_of_the_request_under_names_that_are_free() -> None:
    renamed = [tool for tool in TOOLS.values() if tool.fields]
    assert "acquire_task_lock" in [tool.name for tool in renamed]
    for tool in renamed:
        own = set(tool.method.input_type.fields_by_name.keys())
        shown = set(tool.described.input_schema["properties"])
        theirs, hidden = set(tool.fields), set(tool.fields.values())
        assert hidden <= own - shown, tool.name
        assert theirs <= shown - own, tool.name
        assert len(hidden) == len(theirs), tool.name


def test_deep_documents_travel_as_text_and_come_back_in_their_place() -> None:
    takes = TOOLS["create_human_request"].method.input_type
    deep: dict[str, object] = {}
    for _ in range(documents.MAX_LEVELS):
        deep = {"in": deep}
    sent = documents.to_message({"context": deep, "prompt": "x"}, takes)
    assert set(sent) == {"context_json", "prompt"}
    assert documents.from_message(sent, takes) == {"context": deep, "prompt": "x"}
    assert documents.to_message({"context": {"in": 1}}, takes) == {"context": {"in": 1}}
    gives = TOOLS["get_invocation"].method.output_type
    assert documents.from_message({"result": 4.0, "result_json": ""}, gives) == {"result": 4}


def test_what_no_double_is_is_told_where_it_stands() -> None:
    exact = {"a": [1, 2**53, 2**60, -1.5, True, "1234567890123456789", None]}
    assert list(documents.inexact(exact)) == []
    found = dict(documents.inexact({"a": [1, 2**53 + 1], "b": {"c": 10**400}}))
    assert list(found) == ["/a/1", "/b/c"]
    assert "as a string" in found["/a/1"]
