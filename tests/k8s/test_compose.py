"""compose.yaml agrees with the schema, with the code and with the image."""

import re
from copy import deepcopy
from functools import cache
from typing import Any

import compose_spec
import pytest
import yaml

from devstack import compose
from devstack.keys import PRESHARED
from devstack.services import found
from gateway.settings import EdgeSettings
from tests.k8s.render import ROOT
from tests.k8s.test_configuration import read, settings_of, variables

SERVICES = {service.name: service for service in found()}
OURS = ("qmcp", "mcp", "web", *SERVICES)
PASSWORD = "0123456789abcdef"
PASSWORDS = {"QMCP_POSTGRES_PASSWORD", "QMCP_GRAFANA_PASSWORD"}


def _interpolated(password: str = PASSWORD) -> str:
    """As Compose reads it: `${NAME:-default}` and `${NAME:?why}` replaced."""

    def value(found: re.Match[str]) -> str:
        name, operator, rest = found[1], found[2], found[3]
        return password if operator == ":?" and name in PASSWORDS else rest

    return re.sub(r"\$\{([A-Z_]+)(:[-?])([^}]*)\}", value, (ROOT / "compose.yaml").read_text())


@cache
def _read() -> dict[str, Any]:
    return dict(yaml.safe_load(_interpolated()))


def _compose() -> dict[str, Any]:
    """A copy, which a test may change."""
    return deepcopy(_read())


def _service(name: str) -> dict[str, Any]:
    return dict(_compose()["services"][name])


def _check(document: dict[str, Any]) -> None:
    merged = {key: value for key, value in document.items() if not key.startswith("x-")}
    compose_spec.PyCompose.from_yaml(yaml.safe_dump(merged)).validate()


def test_it_is_generated_from_the_services_that_there_are() -> None:
    assert (ROOT / "compose.yaml").read_text() == compose.rendered(), "make generate"


@pytest.mark.promise("D01", "M01", "M06")
def test_it_is_what_the_compose_specification_allows() -> None:
    document = _compose()
    assert set(OURS) < set(document["services"])
    _check(document)


def test_the_specification_finds_what_is_wrong() -> None:
    document = _compose()
    document["services"]["web"]["networks"] = ["missing"]
    with pytest.raises(ValueError, match="missing"):
        _check(document)


def test_every_image_has_an_exact_version() -> None:
    for service in _compose()["services"].values():
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-unprivileged)?", service["image"])


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_read_by_the_code_and_has_a_value_that_it_takes(name: str) -> None:
    service = _service(name)
    assert set(service["environment"]) <= variables(settings_of(service["command"][0]))
    read(service["command"][0], service["environment"])


@pytest.mark.parametrize("name", OURS)
def test_all_other_settings_may_stand_in_a_file_that_is_not_in_git(name: str) -> None:
    service = _service(name)
    assert service["env_file"] == [{"path": f"{service['command'][0]}.env", "required": False}]
    assert "/*.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", OURS)
def test_every_setting_without_a_default_is_set(name: str) -> None:
    service = _service(name)
    fields = settings_of(service["command"][0]).model_fields
    required = {f"QMCP_{field.upper()}" for field, info in fields.items() if info.is_required()}
    assert required <= set(service["environment"])


@pytest.mark.parametrize("name", [name for name in OURS if "_ADDRESS" in str(_service(name)["environment"])])
def test_addresses_lead_to_a_service_on_a_shared_network_at_a_port_that_it_listens_on(name: str) -> None:
    services = _compose()["services"]
    for key, value in services[name]["environment"].items():
        if key.endswith("_ADDRESS"):
            host, _, port = value.partition(":")
            assert port in [v for k, v in services[host]["environment"].items() if k.endswith("_PORT")]
            assert set(services[name]["networks"]) & set(services[host]["networks"])


def test_services_tell_the_one_that_keeps_metrics_what_they_count() -> None:
    told = {name: _service(name)["environment"].get("QMCP_OTLP_METRICS_ADDRESS") for name in SERVICES}
    assert told == {name: None if name == "metrics" else "metrics:50051" for name in SERVICES}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_as_closed_as_in_a_cluster(name: str) -> None:
    service = _service(name)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service  # the image's own


@pytest.mark.promise("Q05", "M06")
def test_the_edge_is_service_qmcp_at_port_3333_and_checked_without_curl() -> None:
    service = _service("qmcp")
    assert service["ports"] == ["127.0.0.1:3333:3333"]
    check = service["healthcheck"]
    assert check["test"][:4] == ["CMD", "python", "-m", "servicekit.probe"]
    assert "http://127.0.0.1:3333/health" in check["test"]
    assert (check["interval"], check["timeout"], check["retries"]) == ("30s", "10s", 3)


@pytest.mark.promise("Q05", "P03", "P05")
def test_the_volume_qmcp_data_is_where_postgres_keeps_its_data() -> None:
    document = _compose()
    assert "qmcp-data" in document["volumes"]
    postgres = document["services"]["postgres"]
    major = int(re.search(r":(\d+)", postgres["image"])[1])  # type: ignore[index]
    (data,) = postgres["volumes"]
    assert data == f"qmcp-data:/var/lib/postgresql{'/data' if major < 18 else ''}"


def test_no_health_check_needs_what_its_image_lacks() -> None:
    known = {
        "qmcp": "python",
        "postgres": "pg_isready",
        "prom/prometheus": "promtool",
        "qdrant/qdrant": "bash",
        "grafana/grafana": "wget",
    }
    for name, service in _compose()["services"].items():
        if service["healthcheck"].get("disable"):
            # It ends.
            assert (name, service["restart"]) in (("keys", "no"), ("dumps", "no"))
            continue
        assert service["healthcheck"]["test"][1] == known[service["image"].partition(":")[0]], name


@pytest.mark.promise("P14")
@pytest.mark.parametrize("name", OURS)
def test_health_checks_ask_the_port_that_the_service_listens_on(name: str) -> None:
    service = _service(name)
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", " ".join(service["healthcheck"]["test"]))
    ports = {value for key, value in service["environment"].items() if key.endswith("_PORT") and "METRICS" not in key}
    assert ports == {port}


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.settings.HOME_FILES])
def test_what_a_service_makes_itself_outlives_its_container(name: str) -> None:
    service = _service(name)
    volumes = dict(volume.split(":")[:2][::-1] for volume in service["volumes"])
    dockerfile = (ROOT / "Dockerfile").read_text()
    for field in SERVICES[name].settings.HOME_FILES:
        folder = service["environment"][f"QMCP_{field.upper()}"].rpartition("/")[0]
        assert volumes[folder] in _compose()["volumes"]
        # A new volume takes its owner from the folder of the image.
        assert re.search(rf"install -d -o 10001 -g 10001 -m 07[05]0 {folder}\n", dockerfile)


def test_the_password_of_the_database_has_no_default_and_both_sides_get_it() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert text.count("${QMCP_POSTGRES_PASSWORD:?") == text.count("QMCP_POSTGRES_PASSWORD:") == len(SERVICES) + 2
    services = _compose()["services"]
    user = services["postgres"]["environment"]["POSTGRES_USER"]
    for name in SERVICES:
        url = services[name]["environment"]["QMCP_DATABASE_URL"]
        assert url == f"postgresql://{user}:{PASSWORD}@postgres:5432/qmcp_{name}"


def test_callers_need_a_key_and_services_have_theirs() -> None:
    services = _compose()["services"]
    for name in ("qmcp", *SERVICES):
        assert services[name]["environment"]["QMCP_AUTH"] == "on"
        assert "QMCP_ALLOW_KEYLESS" not in services[name]["environment"]
    command, folder = services["keys"]["command"]
    assert command == "keys"
    assert services["keys"]["volumes"] == [f"qmcp-service-keys:{folder}"]
    assert f"{folder}/{PRESHARED}" in services["access"]["environment"].values()
    for name, service in SERVICES.items():
        key = f"{folder}/{name}" if service.settings.KEY_ROLES else None
        assert services[name]["environment"].get("QMCP_ACCESS_KEY_FILE") == key
        assert f"qmcp-service-keys:{folder}:ro" in services[name]["volumes"]
        assert services[name]["depends_on"]["keys"] == {"condition": "service_completed_successfully"}


@pytest.mark.promise("P01")
def test_any_service_has_as_many_containers_as_one_asks_for() -> None:
    """`docker compose up --scale tasks=3`: no name and no port of the host is one container's, and Envoy asks them all."""
    for name in SERVICES:
        service = _service(name)
        assert not {"ports", "container_name"} & service.keys(), name
    made = yaml.safe_load((ROOT / "tests" / "edge" / "golden" / "default.yaml").read_text())
    clusters = {each["name"]: each for each in made["static_resources"]["clusters"]}
    assert {(clusters[name]["type"], clusters[name]["lb_policy"]) for name in SERVICES} == {
        ("STRICT_DNS", "LEAST_REQUEST")
    }


def test_only_loopback_is_published() -> None:
    for service in _compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_database_is_reached_by_its_service_and_what_saves_it_alone() -> None:
    document = _compose()
    assert document["networks"]["database"] == {"internal": True}
    inside = {name for name, each in document["services"].items() if "database" in each["networks"]}
    assert inside == {*SERVICES, "postgres", "dumps"}


def test_the_memory_is_reached_by_who_finds_by_meaning_alone_and_by_that_address() -> None:
    document = _compose()
    assert document["networks"]["vectors"] == {"internal": True}
    inside = {name for name, each in document["services"].items() if "vectors" in each["networks"]}
    searching = {name for name, each in SERVICES.items() if "qdrant_url" in each.settings.model_fields}
    assert searching
    assert inside == {*searching, "qdrant"}
    told = {name: each.get("environment", {}).get("QMCP_QDRANT_URL") for name, each in document["services"].items()}
    assert {name for name, url in told.items() if url == "http://qdrant:6333"} == searching


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_after_those_that_it_calls(name: str) -> None:
    needed = _service(name)["depends_on"]
    assert needed.keys() == {"postgres", "keys", *SERVICES[name].settings.PEERS}
    assert name in _service("qmcp")["depends_on"]


def test_containers_have_the_time_that_their_processes_take_to_stop() -> None:
    services = _compose()["services"]
    for name in SERVICES:
        grace = int(services[name]["stop_grace_period"].removesuffix("s"))
        assert grace >= float(services[name]["environment"]["QMCP_SHUTDOWN_GRACE_SECONDS"]) + 5
    grace = int(services["qmcp"]["stop_grace_period"].removesuffix("s"))
    assert grace >= float(services["qmcp"]["environment"]["QMCP_ENVOY_DRAIN_SECONDS"]) + 5


def test_envoy_gives_up_before_its_memory_is_taken() -> None:
    limit = int(_service("qmcp")["mem_limit"].removesuffix("m")) * 2**20
    assert EdgeSettings.model_fields["envoy_max_heap_bytes"].default < limit * 0.75


@pytest.mark.promise("Q24")
def test_prometheus_scrapes_job_qmcp_at_the_edge() -> None:
    config = yaml.safe_load((ROOT / "k8s" / "monitoring" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["qmcp"]["static_configs"] == [{"targets": ["qmcp:3333"]}]
    assert jobs["qmcp"]["metrics_path"] == "/metrics"
    edge = _service("qmcp")["environment"]
    assert jobs["envoy"]["static_configs"] == [{"targets": [f"qmcp:{edge['QMCP_ENVOY_METRICS_PORT']}"]}]
    prometheus = _service("prometheus")
    assert set(prometheus["networks"]) & set(_service("qmcp")["networks"])
    source, target, _ = prometheus["volumes"][0].split(":")
    assert (ROOT / source).is_file()
    assert f"--config.file={target}" in prometheus["command"]


@pytest.mark.promise("M29")
def test_prometheus_scrapes_what_was_sent_under_the_job_that_the_originals_guide_names() -> None:
    config = yaml.safe_load((ROOT / "k8s" / "monitoring" / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == "15s"
    [job] = [each for each in config["scrape_configs"] if "file_sd_configs" in each]
    assert job["file_sd_configs"] == [{"files": ["targets/*.yml"]}]
    volumes = [each.split(":") for each in _service("prometheus")["volumes"]]
    [told] = [source for source, target, *_ in volumes if target.startswith("/etc/prometheus/targets/")]
    [group] = yaml.safe_load((ROOT / told).read_text())
    assert group["labels"] == {"job": "metrics-service"}
    [host] = {target.rpartition(":")[0] for target in group["targets"]}
    assert set(_service(host)["networks"]) & set(_service("prometheus")["networks"])


@pytest.mark.promise("S17")
def test_grafana_shows_every_dashboard_to_whoever_has_its_password_and_there_is_none_before() -> None:
    grafana = _service("grafana")
    assert "GF_SECURITY_ADMIN_PASSWORD: ${QMCP_GRAFANA_PASSWORD:?" in (ROOT / "compose.yaml").read_text()
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert grafana["environment"]["GF_USERS_ALLOW_SIGN_UP"] == "false"
    mounted = {target: ROOT / source for source, target, *_ in (each.split(":") for each in grafana["volumes"])}
    [source] = yaml.safe_load(mounted["/etc/grafana/provisioning/datasources/qmcp.yml"].read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert set(grafana["networks"]) & set(_service("prometheus")["networks"])
    [provider] = yaml.safe_load(mounted["/etc/grafana/provisioning/dashboards/qmcp.yml"].read_text())["providers"]
    shown = {path for target, path in mounted.items() if target.startswith(f"{provider['options']['path']}/")}
    assert shown == set(ROOT.glob("k8s/base/*/dashboards/*.json"))
