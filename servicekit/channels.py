"""Channels to other services: every replica gets its share, dead connections are found, safe calls are retried."""

import json

import grpc.aio

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


def channel(address: str) -> grpc.aio.Channel:
    """A channel to all replicas behind a name.

    Args:
        address: `host:port`; the name of a headless service resolves to every replica.
    """
    return grpc.aio.insecure_channel(
        f"dns:///{address}",
        options=[
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # A peer that comes back is found within two seconds, not after gRPC's two minutes.
            ("grpc.max_reconnect_backoff_ms", 2_000),
        ],
    )
