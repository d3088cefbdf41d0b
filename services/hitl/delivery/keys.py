"""What webhooks and contacts are told by: their ids, their versions, and where a page of them ends."""

from datetime import datetime
from secrets import token_hex
from typing import Protocol
from uuid import UUID

from servicekit import pagination


class Row(Protocol):
    """What is listed by when it was made."""

    @property
    def id(self) -> UUID:
        """Made by us."""

    @property
    def created_at(self) -> datetime:
        """By the database's clock."""


def new_etag() -> str:
    return token_hex(8)


def uuid_of(text: str) -> UUID | None:
    """The id, None where it cannot be one of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def before(at: str, row_id: str) -> tuple[datetime, UUID]:
    return pagination.time(at), UUID(row_id)


def key(row: Row) -> tuple[str, str]:
    return row.created_at.isoformat(), str(row.id)
