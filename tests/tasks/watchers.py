"""Those who watch a board and come back after each cut, to whichever replica there is."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import grpc
from qmcp.tasks.v1 import board_pb2, tasks_service_pb2_grpc

Stub = tasks_service_pb2_grpc.TasksServiceStub


def watch(stub: Stub, project: str, after: int | None = None) -> AsyncIterator[board_pb2.BoardEvent]:
    return stub.WatchBoard(board_pb2.WatchBoardRequest(project_id=project, after_sequence=after))


class Watcher:
    """One who comes back after each cut, and notes what it was told."""

    def __init__(self, stubs: list[Stub], project: str, cut_after: int) -> None:
        self._stubs = stubs
        self._project = project
        self._cut_after = cut_after
        self.sequences: list[int] = []
        self.events: list[board_pb2.BoardEvent] = []
        self.cuts = 0

    @property
    def is_whole(self) -> bool:
        """Whether it was told each event once and in order, and of each task each entry of its log."""
        of_tasks: defaultdict[str, list[int]] = defaultdict(list)
        for event in self.events:
            if event.task_id and event.log_sequence:
                of_tasks[event.task_id].append(event.log_sequence)
        return self.sequences == list(range(1, len(self.sequences) + 1)) and all(
            entries == list(range(1, len(entries) + 1)) for entries in of_tasks.values()
        )

    async def run(self, upto: "asyncio.Future[int]") -> None:
        while not (upto.done() and self.sequences and self.sequences[-1] >= upto.result()):
            stub = self._stubs[self.cuts % len(self._stubs)]
            stream: Any = watch(stub, self._project, self.sequences[-1] if self.sequences else 0)
            here = 0
            try:
                async for event in stream:
                    if event.kind != "heartbeat":
                        self.sequences.append(event.sequence)
                        self.events.append(event)
                        here += 1
                    if here == self._cut_after or (upto.done() and event.sequence >= upto.result()):
                        break
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.02)
            stream.cancel()
            self.cuts += 1
