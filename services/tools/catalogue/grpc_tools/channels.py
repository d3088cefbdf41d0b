"""Channels to the servers behind tools: to addresses that were checked, with the credentials of transport profiles."""

import functools
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio

from services.tools import errors
from services.tools.models import GrpcSource
from services.tools.upstreams.connections import Ways
from services.tools.upstreams.profiles import Pem, Stamps

MAX_CHANNELS = 256
# Whoever waits for a connection that cannot be had hears of it, also where the tool's own time is long.
CONNECT_MS = 10_000
DOWN = (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN)


@dataclass(frozen=True, slots=True)
class _Way:
    """What makes one channel another one."""

    # As gRPC writes addresses: nothing is resolved any more.
    target: str
    # What the server is called by: the name too, by which it tells its virtual hosts apart.
    authority: str
    tls_name: str
    profile: str
    # Of the profile's files: renewed certificates are another way.
    stamps: Stamps
    max_bytes: int


@dataclass(slots=True)
class _Kept:
    channel: grpc.aio.Channel
    users: int = 0


class Channels:
    """Opens them when they are wanted first, and keeps them."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._kept: dict[_Way, _Kept] = {}

    async def aclose(self) -> None:
        for kept in self._kept.values():
            await kept.channel.close()

    def require_usable(self, source: GrpcSource) -> None:
        """Checks what can be checked before the first connection.

        Raises:
            AddressNotAllowedError: the host is written as an address that is not allowed.
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND, INVALID_REQUEST.
        """
        self._ways.addresses.require_literal_allowed(_host(source))
        profile = self._ways.profiles.get(source.transport_profile)
        if profile is not None and not source.tls:
            raise errors.profile_not_for_grpc("is for TLS: set tool.grpc.tls, or leave it out")
        if profile is not None and profile.proxy:
            raise errors.profile_not_for_grpc("has a proxy, and gRPC tools are reached without one")

    @asynccontextmanager
    async def use(self, source: GrpcSource, max_bytes: int) -> AsyncIterator[grpc.aio.Channel]:
        """A channel to the server of a tool, whose name is resolved and checked anew each time: it cannot move away.

        Args:
            source: where.
            max_bytes: of the largest message that is taken.

        Raises:
            AddressNotAllowedError: the host is or resolves to an address that is not allowed.
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND, INVALID_REQUEST.
            OSError: the host has no address.
        """
        self.require_usable(source)
        way = await self._way(source, max_bytes)
        kept = self._kept.get(way)
        if kept is not None and kept.channel.get_state() in DOWN:
            # It would wait longer and longer before it tries again, and refuse calls meanwhile.
            del self._kept[way]
            if not kept.users:
                await kept.channel.close()
            kept = self._kept.get(way)
        if kept is None:
            kept = self._kept[way] = _Kept(self._open(way, source))
        kept.users += 1
        try:
            yield kept.channel
        finally:
            kept.users -= 1
            if not kept.users and self._kept.get(way) is not kept:
                await kept.channel.close()
            await self._forget_idle()

    async def _forget_idle(self) -> None:
        """Closes the oldest of those that nobody uses, where there are too many: to close one ends its calls."""
        for way, kept in list(self._kept.items()):
            if len(self._kept) <= MAX_CHANNELS:
                return
            if not kept.users:
                del self._kept[way]
                await kept.channel.close()

    async def _way(self, source: GrpcSource, max_bytes: int) -> _Way:
        host, port = _host(source), source.target.rpartition(":")[2]
        addresses = await self._ways.addresses.resolve(host, int(port))
        profile = self._ways.profiles.get(source.transport_profile)
        try:
            stamps = profile.stamps() if profile is not None else ()
        except OSError as error:
            raise errors.transport_profile_unusable(source.transport_profile, type(error).__name__) from None
        return _Way(
            _target(addresses, port),
            source.server_name or source.target,
            (source.server_name or host) if source.tls else "",
            source.transport_profile,
            stamps,
            max_bytes,
        )

    def _open(self, way: _Way, source: GrpcSource) -> grpc.aio.Channel:
        options: list[tuple[str, str | int]] = [
            ("grpc.default_authority", way.authority),
            ("grpc.max_receive_message_length", way.max_bytes),
            # One invocation is one call: gRPC repeats none by itself, and takes no policy of repeating from DNS.
            ("grpc.enable_retries", 0),
            ("grpc.service_config_disable_resolution", 1),
            # A proxy of this process's environment would connect to where nobody has looked.
            ("grpc.enable_http_proxy", 0),
            # Others with the same address share neither its connection nor its failures.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
        ]
        if not source.tls:
            return grpc.aio.insecure_channel(way.target, options=options)
        options.append(("grpc.ssl_target_name_override", way.tls_name))
        pem = self._pem(way.profile)
        credentials = grpc.ssl_channel_credentials(pem.authorities or _authorities(), pem.key, pem.certificate)
        return grpc.aio.secure_channel(way.target, credentials, options=options)

    def _pem(self, name: str) -> Pem:
        profile = self._ways.profiles.get(name)
        if profile is None:
            return Pem(None, None, None)
        try:
            # gRPC would take files that fit nothing, and say at each call that there is no connection.
            self._ways.profiles.context(profile)
            return profile.pem()
        except OSError as error:
            raise errors.transport_profile_unusable(name, type(error).__name__) from None


def _host(source: GrpcSource) -> str:
    return source.target.rpartition(":")[0].strip("[]")


def _target(addresses: Sequence[str], port: str) -> str:
    """All addresses of one family, that of the first: gRPC tries them one after the other."""
    version = ipaddress.ip_address(addresses[0].partition("%")[0]).version
    # Sorted: a name whose addresses come in another order each time is one server all the same.
    of_family = sorted(one for one in addresses if (":" in one) == (version == 6))  # noqa: PLR2004 - IPv6
    return f"ipv{version}:" + ",".join(f"[{one}]:{port}" if version == 6 else f"{one}:{port}" for one in of_family)  # noqa: PLR2004


@functools.cache
def _authorities() -> bytes | None:
    """The system's authorities, as all else here takes them: gRPC brings a list of its own. None: there are none."""
    found = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode() or None
