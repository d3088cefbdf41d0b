"""The services that the contract has and where they are, by one rule: no list of them stands anywhere.

The address of service `x` is `QMCP_X_ADDRESS`, else `x:50051`, the name it has in Kubernetes and Compose; that of its
Prometheus page is `QMCP_X_METRICS_ADDRESS`, else `x:9464`.
"""

import os

from gateway import contract

GRPC_PORT = 50051
METRICS_PORT = 9464


def names() -> tuple[str, ...]:
    """Every service, in order of the names."""
    return tuple(contract.short_name(service) for service in contract.services())


def addresses() -> dict[str, str]:
    """`host:port` of each service's gRPC; a name with several addresses means several replicas."""
    return {name: os.environ.get(f"QMCP_{name.upper()}_ADDRESS") or f"{name}:{GRPC_PORT}" for name in names()}


def metrics_addresses() -> dict[str, str]:
    """`host:port` of each service's Prometheus page; every address behind the name is read."""
    variables = {name: f"QMCP_{name.upper()}_METRICS_ADDRESS" for name in names()}
    return {name: os.environ.get(variable) or f"{name}:{METRICS_PORT}" for name, variable in variables.items()}
