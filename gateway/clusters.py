"""Envoy's clusters: of each service one for calls, and where it has streams or waits at the edge one for those."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from qmcp.options.v1 import options_pb2

from gateway.contract import at_edge, call_kind, short_name

# All services together, for what any of them answers.
ANY = "any"


def streams(service: ServiceDescriptor) -> str:
    """The cluster of a service's streams and waits."""
    return f"{short_name(service)}-streams"


def clusters(
    policies: Mapping[str, Any], services: Sequence[ServiceDescriptor], endpoints: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Every cluster; `endpoints` has the endpoint of each service by name."""
    limits = policies["limits"]
    made = []

    def add(name: str, bounded: Any, *places: Mapping[str, Any]) -> None:
        assigned = {"cluster_name": name, "endpoints": [{"lb_endpoints": places}]}
        own = {"name": name, "circuit_breakers": bounded, "load_assignment": assigned}
        made.append(policies["clusters"]["service"] | own)

    for service in services:
        name = short_name(service)
        kinds = {call_kind(method) for method in at_edge(service)}
        add(name, limits["calls"], endpoints[name])
        if options_pb2.CALL_KIND_WAIT in kinds:
            add(streams(service), limits["streams_and_waits"], endpoints[name])
        elif options_pb2.CALL_KIND_STREAM in kinds:
            add(streams(service), limits["streams"], endpoints[name])
    add(ANY, limits["calls"], *endpoints.values())
    return [*made, *policies["clusters"]["own"]]
