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

in_the_loop_of_the_module = pytest.mark.asyncio(loop_scope="module")


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


async def lengths(running: Running, name: str, listing: Listing, size: int) -> list[int]:
    return [len(page) for page in await pages(running, name, listing, size)]


@every_listing
async def test_pages_together_are_the_whole_list_while_it_grows(running: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    made = await listing.make(running, 2 * PAGE)
    # The last full page has no token.
    assert await lengths(running, name, listing, PAGE) == [PAGE, PAGE]
    made += await listing.make(running, ROWS - 2 * PAGE)
    found = await pages(running, name, listing, PAGE)
    assert [len(page) for page in found] == [PAGE, PAGE, PAGE, ROWS % PAGE]
    flat = [key for page in found for key in page]
    assert sorted(flat) == sorted(made)
    # By their keys, or as they were made.
    assert flat in (sorted(made), sorted(made, reverse=True), made, made[::-1])
    made += await listing.make(running, DEFAULT + 1 - ROWS)
    # Fifty, unless asked otherwise.
    assert await lengths(running, name, listing, 0) == [DEFAULT, 1]
    assert await lengths(running, name, listing, 500) == [DEFAULT + 1]
    # Nothing is skipped or repeated while rows arrive. Where new rows come last, they are found too, and the list grows
    # by one with each page but not for ever.
    arriving = [key for page in await pages(running, name, listing, 2 * PAGE, between=True) for key in page]
    assert len(arriving) == len(set(arriving))
    assert set(made) <= set(arriving)


@every_listing
@in_the_loop_of_the_module
@pytest.mark.parametrize("size", [-1, 501, 2**31 - 1])
async def test_a_size_out_of_range_is_named(shared: Running, subject: Subject, name: str, size: int) -> None:
    request = shared.request(name, page_size=size, **subject.listings[name].filter)
    refused = await shared.refused(name, request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.fields == ("page_size",)


def test_every_list_that_can_be_filtered_has_another_filter() -> None:
    for subject in SUBJECTS:
        for name, listing in subject.listings.items():
            filters = set(subject.service.methods_by_name[name].input_type.fields_by_name) - {"page_size", "page_token"}
            assert bool(filters) == bool(listing.other_filter), name


@every_filtered_listing
@in_the_loop_of_the_module
async def test_a_token_of_another_filter_is_refused(shared: Running, subject: Subject, name: str) -> None:
    listing = subject.listings[name]
    await listing.make(shared, 2)
    first = await shared.must(name, shared.request(name, page_size=1, **listing.filter))
    other = shared.request(name, page_size=1, page_token=first.next_page_token, **listing.other_filter)
    refused = await shared.refused(name, other)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@every_listing
@in_the_loop_of_the_module
@pytest.mark.parametrize("token", ["x", "!!!", "W10", "WyJhIl0", "bnVsbA", "WyJhIiwiYiIsImMiLCJkIl0", "\N{SNOWMAN}"])
async def test_a_token_that_is_none_is_refused(shared: Running, subject: Subject, name: str, token: str) -> None:
    request = shared.request(name, page_token=token, **subject.listings[name].filter)
    refused = await shared.refused(name, request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@every_listing
@in_the_loop_of_the_module
async def test_a_forged_key_in_a_token_is_refused(shared: Running, subject: Subject, name: str) -> None:
    """The digest of the filter is right, the key is not one of a row."""
    listing = subject.listings[name]
    await listing.make(shared, 2)
    first = await shared.must(name, shared.request(name, page_size=1, **listing.filter))
    parts = json.loads(base64.urlsafe_b64decode(first.next_page_token + "=="))
    for key in ("", "no key \0 at all", "x" * 300):
        forged = base64.urlsafe_b64encode(json.dumps([parts[0], key]).encode()).decode().rstrip("=")
        answer = await shared.call(name, shared.request(name, page_token=forged, **listing.filter))
        code = getattr(answer, "code", grpc.StatusCode.OK)
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), answer
