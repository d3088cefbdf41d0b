"""Keyset pages: a token holds where the last page ended and for whom; nothing is skipped or repeated."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Generic, TypeVar

import orjson

from servicekit.errors import invalid_argument
from servicekit.request_context import current_context

DEFAULT_PAGE_SIZE = 50


Item = TypeVar("Item")
KeyT = TypeVar("KeyT")


@dataclass(frozen=True)
class PageRequest(Generic[KeyT]):
    """Which page a caller wants: the rows after a sort key, which is None for the first page."""

    size: int
    after: KeyT | None
    _filter: Sequence[object]

    @property
    def limit(self) -> int:
        """How many rows to read: one more than the page has tells whether there is a next one."""
        return self.size + 1

    def page(
        self, found: Sequence[Item], key: Callable[[Item], Sequence[str]], *, whole: bool = True
    ) -> tuple[list[Item], str]:
        """The page of the rows that were read, and the token of the next; empty where this is the last.

        Args:
            found: at most `limit` rows, in order.
            key: the sort key of a row, each part as text that the parsers of `page_request` read.
            whole: False where the rows are fewer than there are because of what they hold.
        """
        page = list(found[: self.size])
        return page, token(self._filter, key(page[-1])) if len(found) > self.size or not whole else ""


def fitting_into(most: int, sizes: Sequence[int]) -> int:
    """How many of the first items have so many bytes together at most; one in any case."""
    for count, size in enumerate(accumulate(sizes)):
        if size > most:
            return max(count, 1)
    return len(sizes)


def page_request(
    size: int, page_token: str, filter_fields: Sequence[object], parse: Callable[..., KeyT], width: int = 1
) -> PageRequest[KeyT]:
    """Reads what a List was asked for.

    Args:
        size: as the caller sent it; 0: the default. The proto's rules bound it.
        page_token: as the caller sent it.
        filter_fields: the filter of this call; a token is good for the RPC, the caller and the filter that it was made
            for.
        parse: makes the sort key of the parts that `page` wrote; a ValueError says that they are not ours.
        width: how many parts the sort key has.

    Raises:
        ServiceError: INVALID_ARGUMENT/PAGE_TOKEN_INVALID.
    """
    call = current_context.get()
    bound = (call.method.path, call.principal.name, *filter_fields)
    parts = after(page_token, bound, width)
    try:
        key = None if parts is None else parse(*parts)
    except (ValueError, OverflowError):
        raise not_ours() from None
    return PageRequest(size or DEFAULT_PAGE_SIZE, key, bound)


def time(text: str) -> datetime:
    """A part of a sort key that is a time: its isoformat() read back."""
    return datetime.fromisoformat(text).astimezone(UTC)


def token(filter_fields: Sequence[object], key: Sequence[str]) -> str:
    """The token of the page after `key`, the sort key of the last row of this one."""
    return base64.urlsafe_b64encode(orjson.dumps([_digest(filter_fields), *key])).decode().rstrip("=")


def after(page_token: str, filter_fields: Sequence[object], width: int) -> list[str] | None:
    """The sort key after which the page begins; None for the first page.

    Args:
        page_token: as the caller sent it.
        filter_fields: the filter of this call.
        width: how many parts the sort key has.

    Raises:
        ServiceError: INVALID_ARGUMENT/PAGE_TOKEN_INVALID.
    """
    if not page_token:
        return None
    try:
        parts = orjson.loads(base64.b64decode(page_token + "=" * (-len(page_token) % 4), altchars=b"-_", validate=True))
    except ValueError:
        raise not_ours() from None
    if not (isinstance(parts, list) and len(parts) == width + 1 and all(map(_is_key, parts))):
        raise not_ours()
    if parts[0] != _digest(filter_fields):
        raise _invalid("belongs to another list: another filter, or another caller")
    return parts[1:]


def not_ours() -> Exception:
    """For a token whose key is none: somebody made it up."""
    return _invalid("is not one of ours")


def _is_key(part: object) -> bool:
    # Postgres has no NUL in its text.
    return isinstance(part, str) and "\0" not in part


def _digest(filter_fields: Sequence[object]) -> str:
    return hashlib.sha256(orjson.dumps(list(filter_fields), default=str)).hexdigest()[:16]


def _invalid(what: str) -> Exception:
    return invalid_argument("PAGE_TOKEN_INVALID", f"The page_token {what}. Start again without one.")
