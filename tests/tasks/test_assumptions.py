"""What was assumed, over the wire: tags under a lease, findings that replace one another for a while, and what comes of them."""

import asyncio

import pytest

from services.tasks.assumptions.vocabulary import KINDS, OTHER, type_of
from tests.tasks.service import RefusedError, Replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")

NET = "#COMPLETION_DRIVE_IMPL: prices are net"
EDGE = "#SUGGEST_EDGE_CASE: no prices at all"


def test_a_tag_has_a_type_by_the_word_that_it_begins_with() -> None:
    assert type_of(NET) == "impl:assumption"
    assert type_of("#COMPLETION_DRIVE_DATA_SHAPE: x") == "data_shape:assumption"
    assert type_of("#SUGGEST_CACHING") == "caching:suggestion"
    assert type_of("#PATH_DECISION: one of two") == "path:decision"
    assert {type_of(each) for each in ("#SUGGEST_", "#COMPLETION_DRIVE: x", "by the way", "")} == {OTHER}
    assert len({kind for kind, _ in KINDS.values()}) == len(KINDS)


@in_one_loop
async def test_what_was_found_of_tags_is_counted_and_replaced_only_for_a_while(shared: Replica) -> None:
    task = await shared.call("CreateTask", project_name="assumes", epic_name="e", name="t")
    about = {"task_id": task["id"]}
    tagged = await shared.call("AddRaTag", **about, ra_tag_text=NET, file_path="sum.py", line_number=3)
    assert tagged["ra_tags"] == [NET]
    assert (await shared.call("AddRaTag", **about, ra_tag_text=NET))["etag"] == tagged["etag"], "it has it"
    await shared.call("AddRaTag", **about, ra_tag_text=EDGE)
    [entry] = [
        each
        for each in (await shared.call("ListTaskLogEntries", **about))["entries"]
        if each["payload"].get("tag") == NET
    ]
    assert entry["kind"] == "ra_tag_added"
    assert (entry["payload"]["file_path"], entry["payload"]["tag_type"]) == ("sum.py", "impl:assumption")
    # Under somebody's lease, whoever else comes is refused; what is found of tags needs none.
    token = (await shared.call("AcquireTask", id=task["id"]))["lease"]["fencing_token"]
    with pytest.raises(RefusedError, match="TASK_LEASED"):
        await shared.call("AddRaTag", **about, ra_tag_text="#CARGO_CULT")
    with pytest.raises(RefusedError, match="LEASE_LOST"):
        await shared.call("AddRaTag", **about, ra_tag_text="#CARGO_CULT", fencing_token=token + 1)
    with pytest.raises(RefusedError, match="RA_TAG_NOT_FOUND"):
        await shared.call("CaptureAssumptionValidation", **about, ra_tag_id="#CARGO_CULT", outcome="partial")
    raced = await asyncio.gather(
        *(
            shared.call(
                "CaptureAssumptionValidation", **about, ra_tag_id=NET, outcome="partial", reviewer_agent_id="ada"
            )
            for _ in range(5)
        )
    )
    assert len({each["id"] for each in raced}) == 1
    assert raced[0]["confidence"] == 75
    again = await shared.call(
        "CaptureAssumptionValidation",
        **about,
        ra_tag_id=NET,
        outcome="validated",
        reason="law",
        reviewer_agent_id="ada",
    )
    assert (again["id"], again["confidence"], again["tag_type"]) == (raced[0]["id"], 90, "impl:assumption")
    other = await shared.call(
        "CaptureAssumptionValidation", **about, ra_tag_id=NET, outcome="rejected", confidence=0, reviewer_agent_id="bob"
    )
    third = await shared.call("CaptureAssumptionValidation", **about, ra_tag_id=EDGE, outcome="validated")
    assert (other["confidence"], third["validator"], third["reviewer_agent_id"]) == (0, "local", "")
    listed = await shared.call("ListAssumptionValidations", **about, page_size=2)
    assert [each["id"] for each in listed["validations"]] == [third["id"], other["id"]]
    rest = await shared.call("ListAssumptionValidations", **about, page_size=2, page_token=listed["next_page_token"])
    assert [each["id"] for each in rest["validations"]] == [again["id"]]
    found = await shared.call("GetAssumptionInsights", project_id=task["project_id"])
    assert (found["total_validations"], round(found["success_rate"], 2)) == (3, 0.67)
    assert found["outcome_breakdown"] == {"validated": 2, "rejected": 1}
    assert found["tag_type_breakdown"]["impl:assumption"] == {"total": 2, "validated": 1}
    assert [each["id"] for each in found["recent_examples"]] == [third["id"], other["id"], again["id"]]
    assert sum(each["total"] for each in found["trend_data"]) == 3
    narrow = await shared.call("GetAssumptionInsights", **about, tag_type="edge_case:suggestion", outcome="validated")
    assert (narrow["total_validations"], narrow["success_rate"]) == (1, 1.0)
    assert {each["tag"] for each in (await shared.call("DescribeRaTags"))["kinds"]} == set(KINDS)
    await shared.call("DeleteTask", id=task["id"], fencing_token=token)
    assert (await shared.call("GetAssumptionInsights", project_id=task["project_id"]))["total_validations"] == 0
