"""Keyset pages: nothing skipped, nothing repeated, tokens bound to their filter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit import pagination
from servicekit.errors import ServiceError


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
