"""Keyset pages: nothing skipped, nothing repeated, tokens bound to their filter, their caller and their RPC."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qmcp.hitl.v1 import hitl_service_pb2

from servicekit import pagination
from servicekit.errors import ServiceError
from servicekit.identity.principal import Principal
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext, current_context

METHODS = methods_of(hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"])


def page(rows, token, size):
    """A page of sorted rows, as a store would read it."""
    after = pagination.after(token, ("filter",), width=1)
    found = [row for row in sorted(rows) if after is None or row > after[0]][: size + 1]
    taken = found[:size]
    return taken, pagination.token(("filter",), [taken[-1]]) if len(found) > size else ""


# Postgres has no zero characters, so no key has one, and a token that holds one is refused.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.sets(TEXT, max_size=40), st.lists(TEXT, max_size=10), st.integers(1, 7))
def test_rows_that_arrive_while_paging_make_nothing_skipped_or_repeated(rows, arriving, size):
    rows, arriving = set(rows), list(arriving)
    before = set(rows)
    seen, token = [], ""
    while True:
        taken, token = page(rows, token, size)
        seen += taken
        if arriving:
            rows.add(arriving.pop())
        if not token:
            break
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize("token", ["x", "!!!", "bm9uZQ", "WyJhIl0", "\N{SNOWMAN}", "e30"])
def test_a_token_that_is_not_ours_is_refused(token):
    with pytest.raises(ServiceError, match="PAGE_TOKEN_INVALID"):
        pagination.after(token, (), width=1)


def test_a_token_belongs_to_its_filter():
    token = pagination.token(("a",), ["key"])
    assert pagination.after(token, ("a",), width=1) == ["key"]
    with pytest.raises(ServiceError, match="another filter"):
        pagination.after(token, ("b",), width=1)


@pytest.mark.parametrize("changed", ["principal", "method"])
def test_a_token_belongs_to_its_caller_and_its_rpc(changed):
    first, other = METHODS[:2]
    current_context.set(RequestContext({}, first, principal=Principal("ada", frozenset())))
    asked = pagination.page_request(1, "", (), str)
    _, token = asked.page(["a", "b"], lambda row: [row])
    assert pagination.page_request(1, token, (), str).after == "a"
    principal = Principal("bob" if changed == "principal" else "ada", frozenset())
    current_context.set(RequestContext({}, other if changed == "method" else first, principal=principal))
    with pytest.raises(ServiceError, match="PAGE_TOKEN_INVALID"):
        pagination.page_request(1, token, (), str)
