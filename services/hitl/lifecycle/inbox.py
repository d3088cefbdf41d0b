"""What people and agents do with a request besides answering it: look, claim, assign, comment, remind, cancel."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from servicekit.identity.principal import Principal
from servicekit.postgres import Connection, Database
from services.hitl import errors
from services.hitl.lifecycle.request_writer import Decisions
from services.hitl.lifecycle.rules import Outcome, require_may_answer
from services.hitl.models import Happening, HumanRequest

MOST_VIEWERS = 50
ADMIN = "hitl.admin"


class Handling:
    """Changes requests, each with an event in its history."""

    def __init__(self, database: Database, decisions: Decisions) -> None:
        self._database = database
        self._decisions = decisions

    async def view(self, human_request_id: str, by: Principal) -> HumanRequest:
        def change(request: HumanRequest, _: datetime) -> Outcome:
            if by.name in request.viewed_by or len(request.viewed_by) >= MOST_VIEWERS:
                return Outcome(request, None, ())
            seen = replace(request, viewed_by=[*request.viewed_by, by.name])
            return Outcome(seen, None, [Happening(request.id, "viewed", by.name)])

        return await self._change(human_request_id, change)

    async def claim(self, human_request_id: str, by: Principal, *, take_over: bool) -> HumanRequest:
        """Raises ALREADY_CLAIMED, HUMAN_REQUEST_ENDED."""

        def change(request: HumanRequest, now: datetime) -> Outcome:
            _require_pending(request)
            if request.claimed_by == by.name:
                return Outcome(request, None, ())
            if request.claimed_by and not take_over:
                raise errors.already_claimed(request.id, request.claimed_by)
            detail = {"taken_from": request.claimed_by} if request.claimed_by else {}
            claimed = replace(request, claimed_by=by.name, claimed_at=now)
            return Outcome(claimed, None, [Happening(request.id, "claimed", by.name, detail)])

        return await self._change(human_request_id, change)

    async def release(self, human_request_id: str, by: Principal) -> HumanRequest:
        """Raises ALREADY_CLAIMED, HUMAN_REQUEST_ENDED."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            _require_pending(request)
            if not request.claimed_by:
                return Outcome(request, None, ())
            if request.claimed_by != by.name and not by.may(ADMIN):
                raise errors.already_claimed(request.id, request.claimed_by)
            detail = {"claimed_by": request.claimed_by}
            released = replace(request, claimed_by="", claimed_at=None)
            return Outcome(released, None, [Happening(request.id, "released", by.name, detail)])

        return await self._change(human_request_id, change)

    async def assign(
        self, human_request_id: str, assignees: list[str], groups: list[str], by: Principal
    ) -> HumanRequest:
        """Raises NOT_ASSIGNED, FOUR_EYES, HUMAN_REQUEST_ENDED."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            _require_pending(request)
            if not by.may(ADMIN):
                require_may_answer(request, by.name, by.roles)
            question = replace(request.question, assignees=assignees, groups=groups)
            detail = {"assignees": assignees, "groups": groups}
            assigned = replace(request, question=question)
            return Outcome(assigned, None, [Happening(request.id, "assigned", by.name, detail)])

        return await self._change(human_request_id, change)

    async def comment(self, connection: Connection, human_request_id: str, comment: str, by: Principal) -> HumanRequest:
        """In the caller's transaction."""
        return await self._decisions.change(
            connection,
            human_request_id,
            lambda request, _: Outcome(
                request, None, [Happening(request.id, "commented", by.name, {"comment": comment})]
            ),
        )

    async def remind(self, connection: Connection, human_request_id: str, by: Principal) -> HumanRequest:
        """In the caller's transaction. Raises HUMAN_REQUEST_ENDED, NOT_REQUESTER."""

        def change(request: HumanRequest, _: datetime) -> Outcome:
            _require_pending(request)
            _require_requester(request, by)
            return Outcome(request, None, [Happening(request.id, "reminded", by.name)])

        return await self._decisions.change(connection, human_request_id, change)

    async def cancel(self, human_request_id: str, reason: str, by: Principal) -> HumanRequest:
        """Raises HUMAN_REQUEST_ENDED, NOT_REQUESTER."""

        def change(request: HumanRequest, now: datetime) -> Outcome:
            _require_pending(request)
            _require_requester(request, by)
            cancelled = replace(request, status="cancelled", ended_at=now, cancel_reason=reason)
            detail = {"reason": reason} if reason else {}
            return Outcome(cancelled, None, [Happening(request.id, "cancelled", by.name, detail)])

        return await self._change(human_request_id, change)

    async def record(self, connection: Connection, happening: Happening) -> None:
        """Writes an event that changes nothing (a delivery, a new link), in the caller's transaction."""
        await self._decisions.change(
            connection, happening.human_request_id, lambda request, _: Outcome(request, None, [happening])
        )

    async def _change(self, human_request_id: str, change: Callable[[HumanRequest, datetime], Outcome]) -> HumanRequest:
        async with self._database.transaction() as connection:
            return await self._decisions.change(connection, human_request_id, change)


def _require_pending(request: HumanRequest) -> None:
    if request.ended:
        raise errors.ended(request.id, request.status)


def _require_requester(request: HumanRequest, by: Principal) -> None:
    if by.name != request.question.requester and not by.may(ADMIN) and not by.may("hitl.delegate"):
        raise errors.not_requester(request.id)
