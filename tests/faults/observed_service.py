"""A service as `python -m services.<x> serve` runs it, which on SIGUSR1 writes the names of its tasks to a file."""

import asyncio
import importlib
import os
import signal
import sys
from pathlib import Path

os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener,-event_engine_client")

import uvloop

import services
from servicekit import logs, migrations
from servicekit.launch import Runnable


async def serve(name: str, tasks_file: Path) -> None:
    server: Runnable = importlib.import_module(f"services.{name}.server")
    settings = server.Settings()  # type: ignore[call-arg]  # the environment gives them
    folder = Path(services.__path__[0]) / name / "migrations"
    await migrations.apply(settings.database_url, migrations.of_service(name, folder))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def show() -> None:
        whole = tasks_file.with_suffix(".part")
        whole.write_text("\n".join(sorted(_name(task) for task in asyncio.all_tasks())))
        whole.rename(tasks_file)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, show)
    async with server.compose(settings):
        await stop.wait()


def _name(task: "asyncio.Task[object]") -> str:
    return getattr(task.get_coro(), "__qualname__", task.get_name())


if __name__ == "__main__":
    logs.configure("WARNING", "json")
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
