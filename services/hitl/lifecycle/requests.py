"""Questions: asked, and read as they stand now."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import orjson

from servicekit import pagination
from servicekit.postgres import Connection, Database
from servicekit.schemas import Schema
from services.hitl import errors
from services.hitl.delivery.webhook_client import Receivers
from services.hitl.lifecycle import rules as judging
from services.hitl.lifecycle.request_writer import Asking, Decisions
from services.hitl.lifecycle.store import events as events_store
from services.hitl.lifecycle.store import requests as store
from services.hitl.models import Event, HumanRequest, Question, RequestFilter

SHORTEST_SECONDS = 60
OVERDUE_AT_A_TIME = 500
LARGEST_DOCUMENT = 256 * 1024
LARGEST_SCHEMA = 64 * 1024


class Requests:
    """Checks what is asked, and reads. What is overdue is settled first: nobody is shown what is no longer so."""

    def __init__(
        self, database: Database, decisions: Decisions, receivers: Receivers, max_timeout_seconds: int
    ) -> None:
        self._database = database
        self._decisions = decisions
        self._receivers = receivers
        self._max_timeout_seconds = max_timeout_seconds

    async def get(self, human_request_id: str) -> HumanRequest:
        """One request.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND.
        """
        found = await self.get_many([human_request_id])
        if not found:
            raise errors.human_request_not_found(human_request_id)
        return found[human_request_id]

    async def find_in(self, connection: Connection, human_request_id: str) -> HumanRequest:
        """The same in the caller's transaction, as it stands there; one whose time is up may still be pending."""
        request = await store.get(connection, human_request_id)
        if request is None:
            raise errors.human_request_not_found(human_request_id)
        return request

    async def get_many(self, human_request_ids: Sequence[str]) -> dict[str, HumanRequest]:
        """Those of them that there are, by id."""
        async with self._database.connection() as connection:
            found = await store.get_many(connection, human_request_ids)
        overdue = [request.id for request in found.values() if request.overdue]
        if not overdue:
            return found
        await self._decisions.settle(overdue)
        async with self._database.connection() as connection:
            return await store.get_many(connection, human_request_ids)

    async def page(
        self, wanted: RequestFilter, page_size: int, page_token: str, offset: int
    ) -> tuple[list[HumanRequest], str]:
        """A page, newest first, and the token of the next."""
        size = pagination.page_size(page_size)
        filtered = list(asdict(wanted).values())
        after = pagination.after(page_token, filtered, width=2)
        try:
            before = (datetime.fromisoformat(after[0]).astimezone(UTC), after[1]) if after else None
        except (ValueError, OverflowError):
            raise pagination.not_ours() from None
        await self.settle_overdue()
        async with self._database.connection() as connection:
            found = await store.list_before(connection, wanted, before, size + 1, offset)
        page = found[:size]
        if len(found) <= size:
            return page, ""
        return page, pagination.token(filtered, [page[-1].created_at.isoformat(), page[-1].id])

    async def history(self, human_request_id: str, page_size: int, page_token: str) -> tuple[list[Event], str]:
        """A page of what happened to a request, oldest first, and the token of the next."""
        size = pagination.page_size(page_size)
        after = pagination.after(page_token, [human_request_id], width=1)
        try:
            sequence = int(after[0]) if after else 0
        except ValueError:
            raise pagination.not_ours() from None
        await self.get(human_request_id)
        async with self._database.connection() as connection:
            found = await events_store.history(connection, human_request_id, sequence, size + 1)
        page = found[:size]
        return page, pagination.token([human_request_id], [str(page[-1].sequence)]) if len(found) > size else ""

    async def settle_overdue(self) -> int:
        """Settles every request whose time is up; returns how many those were."""
        count = 0
        while True:
            async with self._database.connection() as connection:
                overdue = await store.overdue(connection, OVERDUE_AT_A_TIME)
            await self._decisions.settle(overdue)
            count += len(overdue)
            if len(overdue) < OVERDUE_AT_A_TIME:
                return count

    async def checked(self, question: Question) -> Asking:
        """A question that may be asked. That may ask the name service, so it is done before any transaction.

        Raises:
            ServiceError: INVALID_REQUEST, SCHEMA_INVALID, RESPONSE_INVALID, ADDRESS_NOT_ALLOWED.
        """
        if not SHORTEST_SECONDS <= question.timeout_seconds <= self._max_timeout_seconds:
            why = f"must be {SHORTEST_SECONDS} to {self._max_timeout_seconds:,} seconds"
            raise errors.invalid("timeout_seconds", why)
        for field, document, most in (
            ("context", question.context, LARGEST_DOCUMENT),
            ("proposed_arguments", question.proposed_arguments, LARGEST_DOCUMENT),
            ("response_schema", question.response_schema, LARGEST_SCHEMA),
            ("arguments_schema", question.arguments_schema, LARGEST_SCHEMA),
        ):
            if document is not None and len(orjson.dumps(document)) > most:
                raise errors.invalid(field, f"must be at most {most // 1024} KiB of JSON")
        Schema(question.response_schema, "response_schema")
        Schema(question.arguments_schema, "arguments_schema")
        _require_sound_expiry(question)
        _require_sound_quorum(question)
        if question.callback_url:
            await self._receivers.require_allowed("callback_url", question.callback_url)
        # Where the caller names no correlation id each try has another.
        asked = asdict(question) | {"correlation_id": ""}
        body = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
        return Asking(question, hashlib.sha256(body).digest())


def _require_sound_expiry(question: Question) -> None:
    on_expiry = question.on_expiry
    if on_expiry.action == "answer":
        faults = judging.response_faults(
            question.options, question.response_schema, on_expiry.default_response, "on_expiry.default_response"
        )
        if faults:
            raise errors.response_invalid(faults)
    elif on_expiry.action == "escalate" and not on_expiry.escalate_to:
        raise errors.invalid("on_expiry.escalate_to", "must name at least one role where the action is escalate")


def _require_sound_quorum(question: Question) -> None:
    quorum = question.quorum
    if quorum is None:
        return
    if quorum.voters and quorum.voters < quorum.required:
        raise errors.invalid("quorum.voters", "must be at least `required`, or 0 for no limit")
    if quorum.veto and question.options and quorum.veto not in question.options:
        raise errors.invalid("quorum.veto", "must be one of the options")
