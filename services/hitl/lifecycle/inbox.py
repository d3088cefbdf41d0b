"""What people and agents do with a request that is made: look, claim, assign, answer, comment, remind, cancel."""

from dataclasses import replace
from datetime import datetime

from servicekit.idempotency import Answer as Reply
from servicekit.idempotency import Once
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Database
from services.hitl import errors
from services.hitl.lifecycle import rules
from services.hitl.lifecycle.request_writer import Change, RequestWriter
from services.hitl.lifecycle.rules import Outcome
from services.hitl.models import Answer, HumanRequest, NewEvent, Response

MAX_VIEWERS = 50


class Inbox:
    """Changes requests, each with an event in its history."""

    def __init__(self, database: Database, writer: RequestWriter, *, verified: bool) -> None:
        self._database = database
        self._writer = writer
        # Whether callers are who they say, which they are not where authentication is off.
        self._verified = verified

    async def answer(self, answer: Answer, by: Viewer) -> Response:
        """Answers in the caller's name.

        Raises:
            ServiceError: INVALID_REQUEST, HUMAN_REQUEST_NOT_FOUND, and those of `rules.answered`.
        """
        await beside(answer.size, rules.require_fits, answer)
        return await self._writer.answer(
            replace(rules.answered_by(answer, by.principal, verified=self._verified), viewer=by)
        )

    async def view(self, human_request_id: str, by: Viewer) -> HumanRequest:
        def change(request: HumanRequest, _: datetime) -> Outcome:
            if by.name in request.viewed_by or len(request.viewed_by) >= MAX_VIEWERS:
                return Outcome(request, None, ())
            seen = replace(request, viewed_by=[*request.viewed_by, by.name])
            return Outcome(seen, None, [NewEvent(request.id, "viewed", by.name)])

        return await self._change(human_request_id, by, change)

    async def claim(self, human_request_id: str, by: Viewer, *, take_over: bool) -> HumanRequest:
        """Raises ALREADY_CLAIMED, HUMAN_REQUEST_ENDED, NOT_ASSIGNED, FOUR_EYES."""

        def change(request: HumanRequest, now: datetime) -> Outcome:
            rules.require_pending(request)
            rules.require_may_claim(request, by.principal)
            if request.claimed_by == by.name:
                return Outcome(request, None, ())
            if request.claimed_by and not take_over:
                raise errors.already_claimed(request.id, request.claimed_by)
            detail = {"taken_from": request.claimed_by} if request.claimed_by else {}
            claimed = replace(request, claimed_by=by.name, claimed_at=now)
            return Outcome(claimed, None, [NewEvent(request.id, "claimed", by.name, detail)])

        return await self._change(human_request_id, by, change)

    async def release(self, human_request_id: str, by: Viewer) -> HumanRequest:
        """Raises ALREADY_CLAIMED, HUMAN_REQUEST_ENDED."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            rules.require_pending(request)
            if not request.claimed_by:
                return Outcome(request, None, ())
            rules.require_may_release(request, by.principal)
            detail = {"claimed_by": request.claimed_by}
            released = replace(request, claimed_by="", claimed_at=None)
            return Outcome(released, None, [NewEvent(request.id, "released", by.name, detail)])

        return await self._change(human_request_id, by, change)

    async def assign(self, human_request_id: str, assignees: list[str], groups: list[str], by: Viewer) -> HumanRequest:
        """Raises NOT_ASSIGNED, FOUR_EYES, HUMAN_REQUEST_ENDED."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            rules.require_pending(request)
            rules.require_may_assign(request, by.principal)
            return rules.assigned(request, assignees, groups, by.principal)

        return await self._change(human_request_id, by, change)

    async def comment(self, human_request_id: str, comment: str, by: Viewer, once: Once[HumanRequest, Reply]) -> Reply:
        """Adds a comment to the history."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            return Outcome(request, None, [NewEvent(request.id, "commented", by.name, {"comment": comment})])

        return await self._change_once(human_request_id, by, change, once)

    async def remind(self, human_request_id: str, by: Viewer, once: Once[HumanRequest, Reply]) -> Reply:
        """Raises HUMAN_REQUEST_ENDED, NOT_REQUESTER."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            rules.require_pending(request)
            rules.require_requester(request, by.principal)
            return Outcome(request, None, [NewEvent(request.id, "reminded", by.name)])

        return await self._change_once(human_request_id, by, change, once)

    async def cancel(self, human_request_id: str, reason: str, by: Viewer) -> HumanRequest:
        """Raises HUMAN_REQUEST_ENDED, NOT_REQUESTER."""

        def change(request: HumanRequest, now: datetime) -> Outcome:
            rules.require_pending(request)
            rules.require_requester(request, by.principal)
            cancelled = replace(request, status="cancelled", ended_at=now, cancel_reason=reason)
            detail = {"reason": reason} if reason else {}
            return Outcome(cancelled, None, [NewEvent(request.id, "cancelled", by.name, detail)])

        return await self._change(human_request_id, by, change)

    async def _change(self, human_request_id: str, by: Viewer, change: Change) -> HumanRequest:
        async with self._database.transaction() as connection:
            return await self._writer.change(connection, human_request_id, by, change)

    async def _change_once(
        self, human_request_id: str, by: Viewer, change: Change, once: Once[HumanRequest, Reply]
    ) -> Reply:
        return await once.run(
            self._database, lambda connection: self._writer.change(connection, human_request_id, by, change)
        )
