"""envoy.yaml with the settings in it: the one step between the file in the tree and what Envoy reads."""

import json
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.certificates import AUTHORITY, CLIENT, EDGE
from gateway.contract import DESCRIPTORS
from gateway.settings import DEFAULT_PORT, EdgeSettings, host_and_port, networks

TEMPLATE = Path(__file__).with_name("envoy.yaml")
PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
DIRECTIVE = re.compile(r"^\s*#(if|end)\b ?([a-z_]*)\s*$")


def render(settings: EdgeSettings, folder: Path) -> str:
    """What Envoy reads. Values are written as JSON, which is YAML too, so that none can break out of its place.

    Args:
        settings: what it shall do.
        folder: with the files that `certificates.write_secrets` and `contract.write_descriptors` write.
    """
    values = _values(settings, folder)
    return PLACEHOLDER.sub(
        lambda found: json.dumps(values[found[1]]), _without_what_is_off(TEMPLATE.read_text(), values)
    )


def _values(settings: EdgeSettings, folder: Path) -> dict[str, Any]:
    otlp = urlsplit(settings.otlp_endpoint)
    return {
        **settings.model_dump(),
        "descriptors": str(folder / DESCRIPTORS),
        "edge_secret": str(folder / EDGE),
        "client_secret": str(folder / CLIENT),
        "authority_secret": str(folder / AUTHORITY),
        "tools_endpoints": _endpoints(*host_and_port(settings.tools_address)),
        "access_endpoints": _endpoints(*host_and_port(settings.access_address)),
        "hitl_endpoints": _endpoints(*host_and_port(settings.hitl_address)),
        "web_endpoints": _endpoints(*host_and_port(settings.web_address)),
        "otlp_endpoints": _endpoints(otlp.hostname or "", otlp.port or DEFAULT_PORT.get(otlp.scheme, 0)),
        "otlp_tls_name": otlp.hostname if otlp.scheme == "https" else "",
        "cors_origin_matchers": [_origin(each.strip()) for each in settings.cors_origins.split(",") if each.strip()],
        "allowed_clients": [_client(each) for each in networks(settings.allowed_client_networks)],
        "edge_timeout": f"{settings.edge_timeout_seconds}s",
        "edge_long_timeout": f"{settings.edge_long_timeout_seconds}s",
    }


def _endpoints(host: str, port: int) -> list[dict[str, Any]]:
    return [{"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}]


def _client(network: IPv4Network | IPv6Network) -> dict[str, Any]:
    return {"remote_ip": {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}}


def _origin(origin: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin}


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
