"""envoy.yaml with the settings and with what derives from the contract: what Envoy reads."""

import json
import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from google.protobuf.descriptor import ServiceDescriptor

from gateway import contract, mcp_limits
from gateway.access_log import access_log
from gateway.certificates import AUTHORITY, CLIENT, EDGE
from gateway.clusters import clusters
from gateway.contract import DESCRIPTORS
from gateway.credential_paths import credential_paths
from gateway.local_replies import UNREAD_ENCODING, mappers
from gateway.other_sites import OWN_ORIGIN, rules
from gateway.routes import routes
from gateway.settings import DEFAULT_PORT, EdgeSettings, host_and_port, networks
from gateway.shedding import lua_pattern, shedding

TEMPLATE = Path(__file__).with_name("envoy.yaml")
# gRPC's frame, and room for a service to say itself that a message is too large.
FRAME_BYTES = 64 * 1024
# In the edge's own folder: where Envoy takes orders.
ADMIN_SOCKET = "admin"
LARGE_BODIES = Path(__file__).with_name("large_bodies.lua")
# Of Envoy's memory, for bodies over HTTP/1.1 that are not all here.
LARGE_BODIES_SHARE = 0.4
POLICIES = Path(__file__).with_name("policies.yaml")
RESPONSES = Path(__file__).with_name("responses.lua")
# What a page of another origin may read of an answer, besides what every page may.
EXPOSED = (
    *("allow", "grpc-message", "grpc-status", "grpc-status-details-bin", "mcp-session-id", "retry-after"),
    *("x-correlation-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"),
)
PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
DIRECTIVE = re.compile(r"^\s*#(if|end)\b ?([a-z_]*)\s*$")


def render(settings: EdgeSettings, folder: Path) -> str:
    """What Envoy reads. Values are written as JSON, which is YAML too, so that none can break out of its place.

    Args:
        settings: what it shall do.
        folder: with the files that `certificates.write_secrets` and `contract.write_descriptors` write.
    """
    values = _values(settings, folder)
    policies = yaml.safe_load(_filled(POLICIES, values))
    return _filled(TEMPLATE, values | _derived(settings, policies))


def _derived(settings: EdgeSettings, policies: dict[str, Any]) -> dict[str, Any]:
    services = contract.services()
    hidden = credential_paths(services)
    denied = rules(settings, hidden)
    rates = policies["rates"] or {}
    endpoints = {name: _endpoint(*host_and_port(address)) for name, address in settings.service_addresses.items()}
    return {
        "access_log": [
            *(access_log(policies["access_log"], hidden) if settings.edge_access_log else ()),
            *([policies["edge_metrics"]] if settings.envoy_metrics_port else ()),
        ],
        "local_replies": mappers(settings.max_body_bytes),
        "routes": routes(policies, services, hidden),
        "other_sites": denied,
        "own_origin": OWN_ORIGIN,
        "large_bodies": _large_bodies(settings),
        "own_origin_value": f"{'https' if settings.tls_certificate_file else 'http'}://%REQ(:authority)%",
        "clusters": clusters(policies, services, endpoints),
        "rate_of_addresses": rates.get("addresses"),
        "rates_of_mcp": rates.get("mcp"),
        "responses_script": "\n".join((_responses(services), shedding(services))),
        "transcoded": [service.full_name for service in services],
    }


def _responses(services: Sequence[ServiceDescriptor]) -> str:
    originals = "\n".join(map(lua_pattern, contract.original_routes(services)))
    coded = "\n".join(
        f"{lua_pattern(route)}\t{header.lower()}" for route, header in contract.original_errors(services).items()
    )
    return _filled(RESPONSES, {"original_routes": originals, "original_errors": coded})


def _large_bodies(settings: EdgeSettings) -> str:
    most = max(int(settings.envoy_max_heap_bytes * LARGE_BODIES_SHARE), 2 * settings.max_body_bytes)
    # Each thread has a part of it, in which at least one body of each of two addresses fits.
    part = max(most // settings.envoy_concurrency, 2 * settings.max_body_bytes)
    bounds = {
        "most": part,
        "each": part // 2,
        "longest": settings.max_body_bytes,
        "seconds": settings.edge_body_seconds,
    }
    script = LARGE_BODIES.read_text()
    for name, bound in bounds.items():
        script = script.replace(f"@{name}@", str(bound))
    return script


def _values(settings: EdgeSettings, folder: Path) -> dict[str, Any]:
    otlp = urlsplit(settings.otlp_endpoint)
    limits = mcp_limits.parsed(settings.edge_mcp_limits)
    exposed = ", ".join(sorted({*EXPOSED, *contract.response_headers(contract.services())}))
    return {
        **settings.model_dump(),
        "mcp_rates": mcp_limits.rates(limits),
        "mcp_descriptors": mcp_limits.descriptors(limits),
        "further_listeners": [_socket(host, port) for host, port, _ in settings.addresses[1:]],
        "unread_encoding": UNREAD_ENCODING,
        "admin_socket": str(folder / ADMIN_SOCKET),
        "descriptors": str(folder / DESCRIPTORS),
        "edge_secret": str(folder / EDGE),
        "client_secret": str(folder / CLIENT),
        "authority_secret": str(folder / AUTHORITY),
        "mcp_endpoints": [_endpoint(*host_and_port(settings.mcp_address))],
        "web_endpoints": [_endpoint(*host_and_port(settings.web_address))],
        "otlp_endpoints": [_endpoint(otlp.hostname or "", otlp.port or DEFAULT_PORT.get(otlp.scheme, 0))],
        "otlp_tls_name": otlp.hostname if otlp.scheme == "https" else "",
        "cors_origin_matchers": [_origin(each.strip()) for each in settings.cors_origins.split(",") if each.strip()],
        "cors_allowed": _where_allowed(settings.cors_origins, "request.headers['origin']"),
        "cors_max_age_seconds": f"{settings.cors_max_age}",
        "cors_exposed": exposed,
        "cors_exposed_if_allowed": _where_allowed(settings.cors_origins, f"'{exposed}'"),
        "allowed_clients": [_client(each) for each in networks(settings.allowed_client_networks)],
        "whole_message_bytes": settings.max_message_bytes + FRAME_BYTES,
        "edge_body_timeout": f"{settings.edge_body_seconds}s",
        "edge_timeout": f"{settings.edge_timeout_seconds}s",
        "edge_long_timeout": f"{settings.edge_long_timeout_seconds}s",
    }


def _endpoint(host: str, port: int) -> dict[str, Any]:
    return {"endpoint": _socket(host, port)}


def _socket(host: str, port: int) -> dict[str, Any]:
    return {"address": {"socket_address": {"address": host, "port_value": port}}}


def _client(network: IPv4Network | IPv6Network) -> dict[str, Any]:
    return {"remote_ip": {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}}


def _origin(origin: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin}


def _where_allowed(origins: str, value: str) -> str:
    """A header's value for callers of these origins, and nothing for others, as Envoy works it out for each request."""
    allowed = [each.strip() for each in origins.split(",") if each.strip()]
    one_of_them = "true" if "*" in allowed else f"request.headers['origin'] in {json.dumps(allowed)}"
    return f"%CEL('origin' in request.headers && {one_of_them} ? {value} : '')%"


def _filled(file: Path, values: dict[str, Any]) -> str:
    return PLACEHOLDER.sub(lambda found: json.dumps(values[found[1]]), _without_what_is_off(file.read_text(), values))


def _without_what_is_off(template: str, values: dict[str, Any]) -> str:
    kept: list[str] = []
    conditions: list[bool] = []
    for line in template.splitlines():
        match DIRECTIVE.match(line):
            case None:
                if all(conditions):
                    kept.append(line)
            case found if found[1] == "if":
                conditions.append(bool(values[found[2]]))
            case _:
                conditions.pop()
    return "\n".join(kept) + "\n"
