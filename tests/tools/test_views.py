"""What is long stands in a list only where it is asked for, and no page is larger than a client takes."""

from tests.tools.service import Start, pb


async def test_what_is_long_stands_in_a_list_only_where_it_is_asked_for(start: Start) -> None:
    replica = await start()
    short = await replica.invoke("echo", {"message": "short"})
    long = await replica.invoke("echo", {"message": "x" * 5_000})
    # Stored, it is smaller than what is long.
    packed = await replica.invoke("planner", {"goal": "x", "context": "y" * 5_000})
    for view in ("", "basic"):
        found = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view=view))
        listed = {one.id: one for one in found.invocations}
        assert listed[short.id] == short
        assert listed[long.id].omitted_fields == ["input_params", "result"]
        assert not listed[long.id].HasField("input_params")
        assert listed[long.id].result.WhichOneof("kind") == "null_value"
        assert "input_params" in listed[packed.id].omitted_fields
    whole = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view="full"))
    assert list(whole.invocations) == [packed, long, short]
    assert await replica.get(long.id) == long


async def test_a_page_ends_early_where_its_documents_are_large_and_nothing_is_skipped(start: Start) -> None:
    replica = await start()
    made = [(await replica.invoke("echo", {"message": "x" * 300_000})).id for _ in range(7)]
    found: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view="full", page_token=token))
        assert page.count == len(page.invocations) < len(made)
        assert page.ByteSize() < 4 * 1024 * 1024
        found += [one.id for one in page.invocations]
        token, pages = page.next_page_token, pages + 1
    assert found == made[::-1]
