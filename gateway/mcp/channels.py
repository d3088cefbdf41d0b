"""Channels to the services: every replica gets its share, reads are sent again, new certificates are taken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc.aio
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway import contract
from gateway.certificates import towards_services
from gateway.settings import PeerSettings

# What a page of tools with long schemas may come to, and what a tool may return.
MAX_ANSWER_BYTES = 64 * 1024 * 1024


def _service_config() -> str:
    """Reads alone are sent again: a call that may have arrived has perhaps run already."""
    reads = [
        {"service": service.full_name, "method": method.name}
        for service in contract.services()
        for method in service.methods
        if contract.idempotency_level(method) == MethodOptions.NO_SIDE_EFFECTS and not method.server_streaming
    ]
    again = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps(
        {
            # pick_first would stay with one replica for ever.
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": reads, "retryPolicy": again}],
        }
    )


class Channels:
    """One channel a service, made when it is first asked for; a new one once the certificates were replaced."""

    def __init__(self, settings: PeerSettings) -> None:
        self._settings = settings
        files = (settings.grpc_tls_ca_file, settings.grpc_tls_key_file, settings.grpc_tls_certificate_file)
        self._files = [file for file in files if file is not None]
        self._options = (
            ("grpc.service_config", _service_config()),
            ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # A service that comes back is found within two seconds, not after gRPC's two minutes.
            ("grpc.max_reconnect_backoff_ms", 2_000),
        )
        self._open: dict[tuple[str, tuple[int, ...]], grpc.aio.Channel] = {}
        self._stubs: dict[grpc.aio.Channel, Any] = {}

    def to(self, service: str) -> grpc.aio.Channel:
        """The channel to a service by its short name, as `tools`."""
        key = (service, tuple(_version(file) for file in self._files))
        if key not in self._open:
            self._open[key] = self._new(self._settings.service_addresses[service])
        return self._open[key]

    def stub(self, service: str, made: Callable[[grpc.aio.Channel], Any]) -> Any:
        """The service's stub on that channel: to make one anew for each call took 50 us of it."""
        channel = self.to(service)
        if channel not in self._stubs:
            self._stubs[channel] = made(channel)
        return self._stubs[channel]

    def _new(self, address: str) -> grpc.aio.Channel:
        credentials = towards_services(self._settings)
        if credentials is None:
            return grpc.aio.insecure_channel(f"dns:///{address}", options=self._options)
        return grpc.aio.secure_channel(f"dns:///{address}", credentials, options=self._options)

    async def close(self) -> None:
        """Closes them all, also those of certificates of before, on which calls may have been under way."""
        for channel in self._open.values():
            await channel.close()


def _version(file: Path) -> int:
    return file.stat().st_mtime_ns
