"""Every List pages in the same way: nothing is skipped or repeated, and a token belongs to its filter."""

import base64
import json

import grpc
import pytest

from tests.contract.running import Running
from tests.contract.subject import Listing, Subject
from tests.contract.subjects import SUBJECTS

ROWS = 11
PAGE = 3
DEFAULT = 50

LISTINGS = [
    pytest.param(subject, name, id=f"{subject.name}-{name}") for subject in SUBJECTS for name in subject.listings
]
every_listing = pytest.mark.parametrize(("subject", "name"), LISTINGS)
every_filtered_listing = pytest.mark.parametrize(
    ("subject", "name"), [listing for listing in LISTINGS if listing.values[0].listings[listing.values[1]].other_filter]
)


async def pages(running: Running, name: str, listing: Listing, size: int, *, between: bool = False) -> list[list[str]]:
    """All pages as the keys of their rows; with `between`, a row arrives before each next page."""
    found: list[list[str]] = []
    token = ""
    while True:
        answer = await running.must(name, running.request(name, page_size=size, page_token=token, **listing.filter))
        rows = getattr(answer, items_of(running, name))
        found.append([getattr(row, listing.key) for row in rows])
        token = answer.next_page_token
        if not token:
            return found
        if between:
            await listing.make(running, 1)


def items_of(running: Running, name: str) -> str:
    described = running.service.methods_by_name[name].output_type
    return next(field.name for field in described.fields if field.is_repeated)


def test_every_list_of_every_service_is_here() -> None:
    for subject in SUBJECTS:
        lists = {method.name for method in subject.service.methods if method.name.startswith("List")}
        assert lists == set(subject.listings)


@every_listing
async def test_pages_together_are_the_whole_list(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    made = await listing.make(running, ROWS)
    found = await pages(running, name, listing, PAGE)
    assert [len(page) for page in found] == [PAGE, PAGE, PAGE, ROWS % PAGE]
    flat = [key for page in found for key in page]
    assert sorted(flat) == sorted(made)
    # By their keys, or as they were made.
    assert flat in (sorted(made), sorted(made, reverse=True), made, made[::-1])


@every_listing
async def test_nothing_is_skipped_or_repeated_while_rows_arrive(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    made = await listing.make(running, ROWS)
    # Where new rows come last, they are found too, and the list grows by one with each page but not for ever.
    found = [key for page in await pages(running, name, listing, PAGE, between=True) for key in page]
    assert len(found) == len(set(found))
    assert set(made) <= set(found)


@every_listing
async def test_the_last_full_page_has_no_token(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    await listing.make(running, 2 * PAGE)
    assert [len(page) for page in await pages(running, name, listing, PAGE)] == [PAGE, PAGE]


@every_listing
async def test_a_page_holds_fifty_unless_asked_otherwise(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    await listing.make(running, DEFAULT + 1)
    assert [len(page) for page in await pages(running, name, listing, 0)] == [DEFAULT, 1]
    assert [len(page) for page in await pages(running, name, listing, 500)] == [DEFAULT + 1]


@every_listing
@pytest.mark.parametrize("size", [-1, 501, 2**31 - 1])
async def test_a_size_out_of_range_is_named(running: Running, subject: Subject, name: str, size: int) -> None:
    request = running.request(name, page_size=size, **subject.listings[name].filter)
    refused = await running.refused(name, request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.fields == ("page_size",)


def test_every_list_that_can_be_filtered_has_another_filter() -> None:
    for subject in SUBJECTS:
        for name, listing in subject.listings.items():
            filters = set(subject.service.methods_by_name[name].input_type.fields_by_name) - {"page_size", "page_token"}
            assert bool(filters) == bool(listing.other_filter), name


@every_filtered_listing
async def test_a_token_of_another_filter_is_refused(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    await listing.make(running, 2)
    first = await running.must(name, running.request(name, page_size=1, **listing.filter))
    other = running.request(name, page_size=1, page_token=first.next_page_token, **listing.other_filter)
    refused = await running.refused(name, other)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@every_listing
@pytest.mark.parametrize("token", ["x", "!!!", "W10", "WyJhIl0", "bnVsbA", "WyJhIiwiYiIsImMiLCJkIl0", "\N{SNOWMAN}"])
async def test_a_token_that_is_none_is_refused(running: Running, subject: Subject, name: str, token: str) -> None:
    request = running.request(name, page_token=token, **subject.listings[name].filter)
    refused = await running.refused(name, request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@every_listing
async def test_a_forged_key_in_a_token_is_refused(running: Running, subject: Subject, name: str) -> None:
    """The digest of the filter is right, the key is not one of a row."""
    listing = subject.listings[name]
    await listing.make(running, 2)
    first = await running.must(name, running.request(name, page_size=1, **listing.filter))
    parts = json.loads(base64.urlsafe_b64decode(first.next_page_token + "=="))
    for key in ("", "no key \0 at all", "x" * 300):
        forged = base64.urlsafe_b64encode(json.dumps([parts[0], key]).encode()).decode().rstrip("=")
        answer = await running.call(name, running.request(name, page_token=forged, **listing.filter))
        code = getattr(answer, "code", grpc.StatusCode.OK)
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), answer
