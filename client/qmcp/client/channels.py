"""How a channel is opened and what goes with every call."""

from typing import Any

from grpc_health.v1 import health_pb2
from qmcp.client import calls, models

# Arguments and results may be large; the service's own limit is the one that counts.
OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # retries.py repeats calls, because gRPC's own policy neither reads RetryInfo nor tells a full queue from a
    # message that is too large.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", "qmcp-client"),
)


def metadata(key: str, correlation_id: str) -> tuple[tuple[str, str], ...]:
    """The metadata of every call."""
    pairs = (("x-api-key", key), ("x-correlation-id", correlation_id))
    return tuple(pair for pair in pairs if pair[1])


def health(service: str) -> calls.Call[models.Health]:
    """Asks for the health of a service; empty for everything behind the door."""
    return calls.Call("Check", health_pb2.HealthCheckRequest(service=service), _read_health)


def _read_health(answer: Any) -> models.Health:
    return models.Health(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status).lower())
