"""`python -m services.<x> [serve | migrate [--status]]`: what a service's __main__ calls."""

import argparse
import asyncio
import gc
import importlib
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Protocol

import orjson
import uvloop
from pydantic import ValidationError

from servicekit import logs, migrations
from servicekit.settings import ServiceSettings

# A third of the weight that others have.
NICE = 5
# New objects, and collections of each generation before the next is looked at; Python's own are 700, 10, 10.
COLLECT_AFTER = (50_000, 20, 100)


class Runnable(Protocol):
    """What a service's server.py offers."""

    Settings: type[ServiceSettings]

    def compose(self, settings: ServiceSettings) -> AbstractAsyncContextManager[object]:
        """Everything the service is made of, serving while the block lasts."""


def launch(package: str) -> None:
    """Reads arguments and environment, then serves or migrates.

    Args:
        package: `services.tools`
    """
    # grpc reads this when it is imported. Without its event engine's listener and client a call costs 19 to 24 % less
    # (measured with 1.85; to be measured again with each release).
    os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener,-event_engine_client")
    _collect_rarely()
    # How long a thread may keep the interpreter while the loop wants it: with Python's 5 ms each step of a call waited
    # as long, while a large body was read beside it.
    sys.setswitchinterval(0.0005)
    _step_behind()
    arguments = _arguments(package)
    # Migrating needs nothing of what serves, which takes most of a second to import.
    settings = _settings(importlib.import_module(f"{package}.settings").Settings)
    logs.configure(
        "DEBUG" if settings.debug else settings.log_level,
        settings.log_format or ("console" if settings.debug else "json"),
    )
    name = package.rpartition(".")[2]
    folder = Path(str(importlib.import_module(package).__file__)).parent / "migrations"
    if arguments.command == "migrate":
        uvloop.run(_migrate(settings, migrations.of_service(name, folder), only_status=arguments.status))
    else:
        server: Runnable = importlib.import_module(f"{package}.server")
        # All that was imported stays until the end: no collection need look at it, the one at the end least, which took
        # a third of a second of every stop.
        gc.freeze()
        uvloop.run(_serve(server, settings, migrations.of_service(name, folder)))


def _step_behind() -> None:
    """Leaves the edge the first turn where both share a core: what it cannot refuse in time, nobody answers in time.

    Without it half of the core is the service's, and the queue stands before the edge, where no service sees it.
    """
    os.nice(NICE)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        # A session is weighed as one there; this one is ours alone. Some kernels and containers have no such thing.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))


def _collect_rarely() -> None:
    """Lets the cycle collector run after 50,000 new objects instead of 700.

    A call makes some hundred objects and no cycles; looking for some after every few calls was 15 % of its cost.
    """
    gc.set_threshold(*COLLECT_AFTER)


def _arguments(package: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve (the default)")
    migrate = commands.add_parser("migrate", help="apply missing migrations and end")
    migrate.add_argument("--status", action="store_true", help="only print them, a JSON line each")
    return parser.parse_args()


def _settings(settings_class: type[ServiceSettings]) -> ServiceSettings:
    try:
        return settings_class()  # type: ignore[call-arg]  # the environment gives them
    except ValidationError as error:
        faults = "; ".join(f"QMCP_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SystemExit(f"The environment is not right. {faults}") from None


async def _migrate(settings: ServiceSettings, wanted: list[migrations.Migration], *, only_status: bool) -> None:
    if not only_status:
        await migrations.apply(settings.database_url, wanted)
        return
    for state in await migrations.status(settings.database_url, wanted):
        line = {
            "component": state.migration.component,
            "version": state.migration.version,
            "name": state.migration.name,
            "applied_at": state.applied_at,
        }
        print(orjson.dumps(line).decode())  # noqa: T201 - the command's output


async def _serve(server: Runnable, settings: ServiceSettings, wanted: list[migrations.Migration]) -> None:
    settings.require_guarded()
    if settings.migrate_on_start:
        await migrations.apply(settings.database_url, wanted)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server.compose(settings):
        await stop.wait()
