"""How a channel is opened and what goes with every call."""

from typing import Any

import grpc
from qmcp.client import address
from qmcp.client.address import Address

# Arguments and results may be large; the service's own limit is the one that counts.
OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # retries.py repeats calls, because gRPC's own policy neither reads RetryInfo nor tells a full queue from a
    # message that is too large.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", "qmcp-client"),
)


def async_channel(to: Address) -> grpc.aio.Channel:
    """A connection for the running event loop."""
    if not to.tls:
        return grpc.aio.insecure_channel(to.target, options=OPTIONS)
    return grpc.aio.secure_channel(to.target, grpc.ssl_channel_credentials(address.authorities()), options=OPTIONS)


def channel(to: Address) -> grpc.Channel:
    """A connection for ordinary code."""
    if not to.tls:
        return grpc.insecure_channel(to.target, options=OPTIONS)
    return grpc.secure_channel(to.target, grpc.ssl_channel_credentials(address.authorities()), options=OPTIONS)


def metadata(key: str, correlation_id: str) -> tuple[tuple[str, str], ...]:
    """The metadata of every call."""
    pairs = (("x-api-key", key), ("x-correlation-id", correlation_id))
    return tuple(pair for pair in pairs if pair[1])
