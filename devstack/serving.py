"""`serve`: everything from the lock of the home folder to the last stop. `status`: what runs."""

import asyncio
import json
import os
import shlex
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from devstack import keys, listeners, postgres, probing, processes, reloading, services
from devstack.errors import CannotRunError
from devstack.home import Home, Running, running
from devstack.settings import StackSettings
from devstack.supervisor import Supervisor
from devstack.terminal import JsonLines, Terminal, is_terminal
from servicekit.databases import shown
from servicekit.settings import is_loopback


def serve(
    settings: StackSettings, variables: Mapping[str, str], *, reload: bool = False, show_key: bool = False
) -> int:
    """Runs the whole system until it is asked to stop or a part of it dies; returns the exit status.

    `show_key` says the administrator's key at the start that makes it: for where nobody can read its file.
    """
    if settings.auth == "off" and not settings.allow_keyless and not is_loopback(settings.host):
        raise CannotRunError(
            f"QMCP_HOST={settings.host} would let other machines in, and nothing checks who they are. Set "
            "QMCP_AUTH=on, so that callers need a key; or set QMCP_ALLOW_KEYLESS=true where the network itself is "
            "guarded. On 127.0.0.1 neither is needed."
        )
    found = services.found()
    with Home(settings.home) as home:
        if settings.auth == "on":
            keys.prepare(home.folder, found)
        places = listeners.choose(settings, found, variables)
        names = [processes.POSTGRES, *(row.name for row in processes.table(settings, found, places, ""))]
        for_people = settings.log_format == "console" or (is_terminal() and not settings.log_format)
        terminal = (Terminal if for_people else JsonLines)(names)
        engine = None
        if not settings.database_url:
            engine = postgres.prepare(home.folder / "postgres", settings.postgres_port, say=terminal.say)
        server = settings.database_url if engine is None else engine.url()
        rows = processes.table(settings, found, places, server)
        if engine is not None:
            rows = [processes.embedded_postgres(engine, terminal.say), *rows]
        environment = {**variables, **places.environment}
        if for_people:
            environment["QMCP_LOG_FORMAT"] = "console"
        where = {row.name: [each.address for each in row.listeners] for row in rows}
        is_first = not keys.admin_file(home.folder).exists()
        supervisor = Supervisor(rows, environment, terminal)
        system = System(home, settings, server, where, supervisor, terminal, show_key=show_key and is_first)
        return asyncio.run(system.run(reload=reload))


def status(settings: StackSettings) -> int:
    """Prints what runs from the home folder; returns 0 when it is well, 1 when it is not, 3 when nothing runs."""
    state = running(settings.home)
    if state is None:
        print(f"Nothing runs from {settings.home}.")  # noqa: T201 -- the command's answer
        return 3
    print(f"QMCP runs from {settings.home}, process {state.pid}, {state.edge or 'starting'}")  # noqa: T201
    for name, pid in state.processes.items():
        print(f"  {name:<12} process {pid:<8} {'  '.join(state.listeners.get(name, ()))}".rstrip())  # noqa: T201
    if not state.edge:
        return 1
    print(f"  {state.database_server}")  # noqa: T201
    try:
        code, text = probing.ask(f"{state.edge}/health", seconds=5)
    except OSError as error:
        print(f"  the edge does not answer: {error}")  # noqa: T201
        return 1
    print(f"  {text}")  # noqa: T201
    return 0 if code == HTTPStatus.OK else 1


def settings_of(settings: StackSettings) -> int:
    """Prints what `serve` would go by, without passwords."""
    told = settings.model_dump(mode="json", include={"host", "port", "debug", "auth"})
    told["log_level"] = "DEBUG" if settings.debug else settings.log_level
    told["database"] = (
        shown(settings.database_url) if settings.database_url else f"embedded, in {settings.home}/postgres"
    )
    print(json.dumps(told))  # noqa: T201 -- the command's answer
    return 0


@dataclass(frozen=True, slots=True)
class System:
    """The running system: its parts, and the words for who started it."""

    home: Home
    settings: StackSettings
    database_server: str
    listeners: Mapping[str, list[str]]
    supervisor: Supervisor
    terminal: Terminal
    show_key: bool = False

    async def run(self, *, reload: bool) -> int:
        """Starts, stays, stops; returns the exit status."""
        asked = asyncio.Event()

        def ask() -> None:
            if asked.is_set():
                self.terminal.say("Asked again: killing everything.")
                self.supervisor.kill()
            asked.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, ask)
        work = asyncio.create_task(self._work(reload=reload))
        stop = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        except CannotRunError as error:
            self.terminal.say(str(error))
            return 1
        else:
            return 0
        finally:
            work.cancel()
            stop.cancel()
            await asyncio.wait([work, stop])
            self.terminal.say("Stopping.")
            await self.supervisor.stop()
            self.terminal.say(f"Stopped. The data stays in {self.home.folder}.")

    async def _work(self, *, reload: bool) -> None:
        began = time.monotonic()
        sources = reloading.Sources() if reload else None
        await self.supervisor.start()
        self._tell()
        self.supervisor.on_change = self._tell
        self.terminal.say(self._welcome(time.monotonic() - began))
        if sources is None:
            await self.supervisor.watch()
            return
        watching = asyncio.create_task(self.supervisor.watch())
        changes = asyncio.create_task(self._reload(sources))
        try:
            await asyncio.wait([watching, changes], return_when=asyncio.FIRST_COMPLETED)
            # Neither ends but by an error.
            for task in (watching, changes):
                if task.done():
                    task.result()
        finally:
            watching.cancel()
            changes.cancel()

    async def _reload(self, sources: reloading.Sources) -> None:
        while True:
            path = await sources.changed()
            self.terminal.say(f"{path} changed; starting the services again.")
            try:
                await self.supervisor.reload()
            except CannotRunError as error:
                self.terminal.say(f"{error}\nWaiting for the next change.")
            else:
                self.terminal.say("The new code serves.")

    def _tell(self) -> None:
        edge = processes.edge_url(self.settings)
        database = shown(self.database_server)
        self.home.tell(Running(os.getpid(), edge, database, self.supervisor.pids, dict(self.listeners)))

    def _welcome(self, seconds: float) -> str:
        edge = processes.edge_url(self.settings)
        admin, key = "", ""
        if self.settings.auth == "on":
            file = keys.admin_file(self.home.folder)
            where = file if file.exists() else f"made at an earlier start, and no longer in {file}"
            if self.show_key and file.exists():
                where = f"{file.read_text().strip()} (shown this once)"
            admin = f"\n    admin key                 {where}"
            key = f' -H "x-api-key: $(cat {shlex.quote(str(file))})"'
        return f"""
QMCP stands, {seconds:.1f} s. Ctrl-C stops it; the data stays in {self.home.folder}.

    HTTP, gRPC and gRPC-Web   {edge}
    documentation of the API  {edge}/docs
    health and metrics        {edge}/health  {edge}/metrics
    questions to people       {edge}/v1/human/requests?status=pending
    Postgres                  {shown(self.database_server)}{admin}

Try:  curl -s {edge}/v1/tools/echo -H 'content-type: application/json'{key} -d '{{"input": {{"message": "hello"}}}}'
"""
