"""What rules are about is in a message's outline, and what no rule looks into is not."""

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from protovalidate import ValidationError, Validator
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.metrics.v1 import metrics_service_pb2
from qmcp.tools.v1 import tools_service_pb2

from servicekit.outlines import outline


def test_documents_are_there_and_empty_wherever_they_stand() -> None:
    request = tools_service_pb2.CreateToolRequest()
    ParseDict({"tool": {"name": "t", "tags": ["a", "b"], "input_schema": {"a": {"b": [1, 2]}}}}, request)
    found = outline(request)
    assert isinstance(found, tools_service_pb2.CreateToolRequest)
    assert (found.tool.name, list(found.tool.tags)) == ("t", ["a", "b"])
    assert found.tool.HasField("input_schema")
    assert not found.tool.input_schema.fields
    assert request.tool.input_schema.fields, "what it is made of stays as it is"


def test_items_that_no_rule_looks_into_are_counted_and_empty() -> None:
    request = metrics_service_pb2.IngestMetricsRequest()
    ParseDict({"metrics": [{"type": "n"}] * 3, "service": "s"}, request)
    found = outline(request)
    assert isinstance(found, metrics_service_pb2.IngestMetricsRequest)
    assert (len(found.metrics), found.metrics[0].type, found.service) == (3, "", "s")


def test_an_absent_document_stays_absent_and_a_null_is_one() -> None:
    assert not outline(hitl_service_pb2.CreateHumanResponseRequest()).HasField("response")
    null = hitl_service_pb2.CreateHumanResponseRequest(response=Value(null_value=0))  # type: ignore[arg-type]
    assert outline(null).HasField("response")


@pytest.mark.parametrize(
    "broken",
    [{"tool": {"name": "no name"}}, {"tool": {"name": "t", "tags": [""]}}, {}],
)
def test_what_breaks_a_rule_breaks_it_in_the_outline_too(broken: dict[str, object]) -> None:
    request = ParseDict(broken, tools_service_pb2.CreateToolRequest())
    told = []
    for message in (request, outline(request)):
        with pytest.raises(ValidationError) as refused:
            Validator().validate(message)
        told.append([str(each.proto) for each in refused.value.violations])
    assert told[0] == told[1]
