"""Channels to other services: every replica gets its share, dead connections are found, safe calls are retried."""

import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Self

import grpc.aio
import structlog

from servicekit.certificates import Certificates

logger = structlog.get_logger(__name__)

_SERVICE_CONFIG = json.dumps(
    {
        # pick_first would stay with one replica for ever.
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)
_OPTIONS = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A peer that comes back is found within two seconds, not after gRPC's two minutes.
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def channel(address: str, certificates: Certificates | None = None) -> grpc.aio.Channel:
    """A channel to all replicas behind a name.

    Args:
        address: `host:port`; the name of a headless service resolves to every replica. With certificates, the host is
            the name that the peer's must have.
        certificates: what this service shows, and whom it believes; None: plain text.
    """
    target = f"dns:///{address}"
    if certificates is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    return _Renewed(target, certificates)


class _Renewed(grpc.aio.Channel):
    """A channel whose next call goes over a new one when the certificates were replaced.

    gRPC reads a channel's certificates once, when it is made; a process that outlives them could not connect any more.
    """

    def __init__(self, target: str, certificates: Certificates) -> None:
        self._target = target
        self._certificates = certificates
        self._version = certificates.version()
        self._open = [self._new()]
        self._calls: dict[str, Any] = {}

    def _new(self) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(self._target, self._certificates.of_channel(), options=_OPTIONS)

    def _current(self) -> grpc.aio.Channel:
        try:
            version = self._certificates.version()
            if version != self._version:
                self._certificates.check()
                # What is under way ends on the one before, which is closed with the rest: they are few in a year.
                self._open.append(self._new())
                self._calls.clear()
                self._version = version
        except (OSError, ssl.SSLError, ValueError) as error:
            # Between the moves of its files they do not match; the next call asks again.
            logger.warning("certificates_not_taken", error=str(error))
        return self._open[-1]

    def _callable(
        self, kind: str, method: str, arguments: tuple[Any, ...], names: Mapping[str, Any]
    ) -> Callable[..., Any]:
        def call(*request: Any, **options: Any) -> Any:
            current = self._current()
            if method not in self._calls:
                self._calls[method] = getattr(current, kind)(method, *arguments, **names)
            return self._calls[method](*request, **options)

        return call

    def unary_unary(self, method: str, *arguments: Any, **names: Any) -> Any:
        return self._callable("unary_unary", method, arguments, names)

    def unary_stream(self, method: str, *arguments: Any, **names: Any) -> Any:
        return self._callable("unary_stream", method, arguments, names)

    def stream_unary(self, method: str, *arguments: Any, **names: Any) -> Any:
        return self._callable("stream_unary", method, arguments, names)

    def stream_stream(self, method: str, *arguments: Any, **names: Any) -> Any:
        return self._callable("stream_stream", method, arguments, names)

    async def close(self, grace: float | None = None) -> None:
        for each in self._open:
            await each.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._current().channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
