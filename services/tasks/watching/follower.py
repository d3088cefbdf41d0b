"""Follows the boards that somebody watches here: one read serves all who watch one, however many.

Numbers of events become visible in their order, so nothing can be missed. They are looked for several times a second,
while somebody watches: notifications would have every transaction of the database wait for a lock that all share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Generic
from uuid import UUID

from servicekit.errors import exhausted, invalid_field
from servicekit.identity.visibility import Viewer
from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import uuid_of
from services.tasks.metrics import TasksMetrics
from services.tasks.models import BoardEvent
from services.tasks.watching import snapshot, store
from services.tasks.watching.recent import RecentEvents, Shown, ShownEvent

LOOK_SECONDS = 0.05
HEARTBEAT_SECONDS = 15.0
EVENTS_A_READ = 200
ITEMS_A_READ = 100
FULL = "As many watch boards here as may. Come back later; another replica may have room."


class BoardFollower(Generic[Shown]):
    """Answers WatchBoard."""

    def __init__(
        self, database: Database, metrics: TasksMetrics, max_watchers: int, show: Callable[[BoardEvent], Shown]
    ) -> None:
        # What answers GetBoard.
        self.snapshots = snapshot.Snapshots(database)
        self._database = database
        self._metrics = metrics
        self._max_watchers = max_watchers
        metrics.let_watch(max_watchers)
        self._show = show
        self._boards: dict[UUID, RecentEvents[Shown]] = {}
        self._watched = asyncio.Event()
        self._closing = False

    def close(self) -> None:
        """Lets everybody go: the server stops, and another replica will take them."""
        self._closing = True
        for recent in self._boards.values():
            recent.wake()

    async def follow(self) -> None:
        """Tells those who watch, for ever."""
        while True:
            await self._watched.wait()
            await self._read()
            await asyncio.sleep(LOOK_SECONDS)

    async def _read(self) -> None:
        async with self._database.connection() as connection:
            heads = await store.heads(connection, self._boards)
            for project_id, head in heads.items():
                recent = self._boards.get(project_id)
                while recent is not None and recent.sequence < head.sequence:
                    events = await self._events(connection, project_id, recent.sequence)
                    # Read after the events, so that nobody is told what the board hid from them in the same moment.
                    now = (await store.heads(connection, [project_id]))[project_id]
                    recent.add(events, now)
                if recent is not None and recent.head != head and recent.sequence == head.sequence:
                    recent.add([], head)

    async def _events(self, connection: Connection, project_id: UUID, sequence: int) -> list[ShownEvent[Shown]]:
        events = await store.events_after(connection, project_id, sequence, EVENTS_A_READ)
        now = datetime.now(UTC)
        for event in events:
            self._metrics.told((now - event.at).total_seconds())
        return [ShownEvent(event.sequence, event.size, self._show(event)) for event in events]

    async def watch(self, project: str, viewer: Viewer, after: int | None) -> AsyncIterator[Shown]:
        """What there is on a board, unless a number says after which event to go on; then what happens, in order.

        Ends when the server stops or the project is deleted, and says so.

        Raises:
            ServiceError: OVERLOADED where as many watch here as may; PROJECT_NOT_FOUND, also where it is shown to the
                viewer no longer; INVALID_REQUEST where the number is of no event yet; EVENTS_FORGOTTEN where what
                follows it is kept no longer.
        """
        project_id = uuid_of(project)
        async with self._entered(project, viewer) as (recent, changed):
            sequence = after or 0
            if sequence > recent.sequence:
                raise invalid_field("after_sequence", f"is of no event yet: the last one is {recent.sequence}")
            if after is None:
                sequence = recent.sequence
                async for piece in self._snapshot(project_id, viewer, sequence):
                    yield piece
            while not self._closing:
                changed.clear()
                events = await self._after(recent, project_id, sequence)
                if not viewer.sees(recent.head.audience):
                    raise errors.project_not_found(project)
                if events and events[0].sequence > sequence + 1:
                    raise errors.events_forgotten(sequence, events[0].sequence)
                for event in events:
                    yield event.shown
                    sequence = event.sequence
                if not events and recent.head.deleted:
                    break
                if not events and not await wait_for(changed, HEARTBEAT_SECONDS):
                    yield self._show(_heartbeat(project_id, sequence))
            yield self._show(replace(_heartbeat(project_id, sequence), last=True))

    @asynccontextmanager
    async def _entered(self, project: str, viewer: Viewer) -> AsyncIterator[tuple[RecentEvents[Shown], asyncio.Event]]:
        """What happened on a board lately, which is followed while the block lasts, and what tells of news."""
        if self._metrics.watchers >= self._max_watchers:
            raise exhausted("OVERLOADED", FULL, 5)
        project_id, changed = uuid_of(project), asyncio.Event()
        with self._metrics.watcher():
            try:
                async with self._database.connection() as connection:
                    head = (await store.heads(connection, [project_id])).get(project_id)
                if head is None or head.deleted or not viewer.sees(head.audience):
                    raise errors.project_not_found(project)
                recent = self._boards.setdefault(project_id, RecentEvents(head))
                recent.watching.add(changed)
                self._watched.set()
                # Others watch it already, and are told a moment later of what was read just now.
                while recent.sequence < head.sequence and not self._closing:
                    changed.clear()
                    await wait_for(changed, HEARTBEAT_SECONDS)
                yield recent, changed
            finally:
                self._leave(project_id, changed)

    def _leave(self, project_id: UUID, changed: asyncio.Event) -> None:
        recent = self._boards.get(project_id)
        if recent is not None:
            recent.watching.discard(changed)
            if not recent.watching:
                del self._boards[project_id]
        if not self._boards:
            self._watched.clear()

    async def _after(self, recent: RecentEvents[Shown], project_id: UUID, sequence: int) -> Sequence[ShownEvent[Shown]]:
        """What follows a number: as it is kept here; else from the database, with who sees the board after it."""
        kept = recent.after(sequence, EVENTS_A_READ)
        if kept is not None:
            return kept
        async with self._database.connection() as connection:
            events = await store.events_after(connection, project_id, sequence, EVENTS_A_READ)
            recent.head = (await store.heads(connection, [project_id]))[project_id]
        return [ShownEvent(event.sequence, event.size, self._show(event)) for event in events]

    async def _snapshot(self, project_id: UUID, viewer: Viewer, sequence: int) -> AsyncIterator[Shown]:
        piece = replace(_heartbeat(project_id, 0), kind="snapshot")
        place: snapshot.Place | None = None
        first = True
        while first or place is not None:
            async with self._database.connection() as connection:
                page, place = await snapshot.read(connection, project_id, viewer, place, ITEMS_A_READ)
            if first:
                yield self._show(replace(piece, project=page.project))
                first = False
            for epic in page.epics:
                yield self._show(replace(piece, epic_id=epic.id, epic=epic))
            for task in page.tasks:
                yield self._show(replace(piece, epic_id=task.epic_id, task_id=task.id, task=task))
        yield self._show(replace(piece, kind="snapshot_end", sequence=sequence))


def _heartbeat(project_id: UUID, sequence: int) -> BoardEvent:
    return BoardEvent(
        sequence=sequence,
        kind="heartbeat",
        principal="",
        at=datetime.now(UTC),
        project_id=str(project_id),
    )
