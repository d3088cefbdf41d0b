"""docs/operations.md: its commands run, and what needs a cluster names things that are there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from google.api import annotations_pb2
from qmcp.tools.v1 import tools_service_pb2

from devstack.compose import KEYS
from devstack.services import found
from tests.client.command import qmcp
from tests.k8s.objects import System, containers, pod
from tests.k8s.render import K8S, OVERLAYS, ROOT, Object, monitoring, overlay, render
from tests.k8s.test_configuration import SETTINGS, settings_of, variables
from tests.k8s.test_rendering import VERSIONS, complaint
from tests.stack import Stack

PAGE = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def _commands(mark: str) -> list[str]:
    return [
        line for kind, found, text in BLOCKS if kind == "sh" and found == mark for line in text.splitlines() if line
    ]


def test_every_block_says_what_it_needs() -> None:
    assert {(kind, mark) for kind, mark, _ in BLOCKS} == {
        ("sh", ""), ("sh", "cluster"), ("sh", "docker"), ("sh", "running"), ("sh", "keys"), ("sh", "systemd"),
        ("yaml", "overlay"),
    }  # fmt: skip


@pytest.mark.parametrize("command", _commands(""))
def test_a_command_that_needs_nothing_runs(command: str, tmp_path: Path, database: str, renderer: str) -> None:
    assert renderer
    arguments = shlex.split(command)
    if arguments[0] == "python":
        arguments[0] = sys.executable
    paths = [ROOT, ROOT / "gen", ROOT / "client"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(Path.home()),
        "PYTHONPATH": ":".join(map(str, paths)),
        "QMCP_DATABASE_URL": database,
    }
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout or list(tmp_path.iterdir())


@pytest.mark.promise("S31")
@pytest.mark.parametrize("command", _commands("cluster"))
def test_a_command_for_a_cluster_names_what_is_there(command: str, renderer: str) -> None:
    assert renderer
    _names_what_is_there(command)


@pytest.mark.parametrize("command", re.findall(r"`(kubectl [^`]+)`", PAGE))
def test_a_command_in_a_sentence_names_what_is_there(command: str, renderer: str) -> None:
    assert renderer
    _names_what_is_there(command)


def _names_what_is_there(command: str) -> None:
    in_monitoring = System("monitoring", monitoring())
    system = in_monitoring if "-n monitoring" in command else System("dev", overlay("dev"))
    for folder in re.findall(r"-k (\S+)", command):
        assert (ROOT / folder / "kustomization.yaml").is_file()
    for kind, name in re.findall(r"\b(deployment|service)/([a-z]+)", command):
        assert system.has(kind.capitalize(), name)
    # Only what somebody keeps is saved.
    for name in re.findall(r"\bcronjob/([a-z-]+)", command):
        assert System("prod", overlay("prod")).has("CronJob", name)
    (namespace,) = (each["metadata"]["name"] for each in system.of("Namespace"))
    assert set(re.findall(r"-n (\S+)", command)) <= {namespace, "qmcp", "monitoring"}
    for secret, key in re.findall(r"secret generic (\S+) --from-(?:literal|file)=([a-z.]+)", command):
        files = (
            *K8S.glob("base/*/deployment.yaml"),
            *K8S.glob("components/*/cron-job.yaml"),
            *K8S.glob("monitoring/*/deployment.yaml"),
        )
        base = "".join(file.read_text() for file in files)
        assert secret in base
        assert key in base or key in str(system.deployments) + str(system.of("ConfigMap"))
    for image in re.findall(r"qmcp:[\d.]+", command):
        assert image == system.named("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"]
    for container in re.findall(r"--container=(\S+)", command):
        assert container in str(system.named("Deployment", "tools"))


def test_the_commands_for_keys_run(guarded: Stack) -> None:
    assert _commands("keys")
    for command in _commands("keys"):
        words = shlex.split(command)
        assert words[0] == "qmcp"
        env = {"QMCP_URL": guarded.edge_url, "QMCP_API_KEY": guarded.admin_key}
        done = qmcp(*words[1:], env=env)
        assert done.code == 0, done.err
        assert done.out


def test_commands_for_docker_name_services_of_compose() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for command in _commands("docker"):
        for service in re.findall(r"compose (?:exec -T|run --rm(?: --entrypoint \S+)?) (\S+)", command):
            assert service in compose["services"]
    for service in found():
        # So that it is dumped with the others.
        assert service.database.startswith(compose["services"]["dumps"]["environment"]["BACKUP_PREFIX"])
        environment = compose["services"][service.name]["environment"]
        kept = [environment[f"QMCP_{field.upper()}"] for field in service.settings.HOME_FILES]
        for file in (each for each in kept if not each.startswith(str(KEYS))):
            assert any(f"exec -T {service.name} cat {file}" in command for command in _commands("docker")), file


def test_addresses_that_are_fetched_are_in_the_contract() -> None:
    bindings = {
        method.GetOptions().Extensions[annotations_pb2.http].get
        for method in tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"].methods
    }
    for command in _commands("running"):
        path = command.partition("3333")[2]
        assert path in bindings


@pytest.mark.promise("S04")
def test_the_overlay_of_the_page_renders_into_what_kubernetes_takes(renderer: str, tmp_path: Path) -> None:
    assert renderer
    (text,) = [text for _, mark, text in BLOCKS if mark == "overlay"]
    up = os.path.relpath(K8S / "overlays", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(text.replace("- ../", f"- {up}/"))
    objects = [each for each in yaml.safe_load_all(render(tmp_path)) if each]
    system = System("page", tuple(objects))
    assert {complaint(json.dumps(each), VERSIONS[-1]) for each in objects} == {""}
    images = {each["image"] for workload in system.deployments for each in containers(workload)}
    assert len(images) == 1
    assert not images.pop().startswith("registry.example.com")
    to = system.named("NetworkPolicy", "services-to-database")["spec"]["egress"][0]["to"]
    assert [peer["ipBlock"]["cidr"].rpartition("/")[2] for peer in to] == ["32"]


@pytest.mark.promise("S05")
@pytest.mark.parametrize("name", [name for name in OVERLAYS if name != "dev"])
def test_the_page_names_every_secret_that_an_overlay_does_not_bring(name: str, renderer: str) -> None:
    assert renderer
    system = System(name, overlay(name))
    assert not system.of("Secret")
    made_by_cert_manager = {each["spec"]["secretName"] for each in system.of("Certificate")}
    for workload in system.deployments:
        service = workload["metadata"]["name"]
        # These two are the same for each service, as the page says; one that is new needs no line of its own.
        generic = {f"{service}-database", f"{service}-access-key"}
        named = set(_secrets(workload))
        assert named
        for secret in named - generic - made_by_cert_manager:
            assert f"`{secret}`" in PAGE, secret


def _secrets(workload: Object) -> Iterator[str]:
    for volume in pod(workload)["volumes"]:
        if "secret" in volume:
            yield volume["secret"]["secretName"]
    for container in containers(workload):
        for each in container.get("env", []):
            if "secretKeyRef" in each.get("valueFrom", {}):
                yield each["valueFrom"]["secretKeyRef"]["name"]


def test_sentences_that_are_quoted_are_said_by_the_code() -> None:
    code = " ".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text())
        for folder in ("servicekit", "services", "gateway")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml")
    )
    for sentence in (
        "The edge cannot listen on",
        "gRPC cannot listen on",
        "The metrics page cannot listen on",
        "The environment is not right.",
        "would serve callers beyond this machine",
        "was changed after it had been applied.",
        "The key that signs receipts cannot be read from",
        "QMCP_AUTH=on needs QMCP_ACCESS_KEY_FILE",
        "Who you are cannot be checked now",
        "UPSTREAM_UNAVAILABLE",
    ):
        assert sentence in PAGE
        assert sentence in code, sentence


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"`(QMCP_[A-Z_]+)(?:=\w+)?`", PAGE))))
def test_every_variable_of_the_page_is_one_of_the_code(variable: str) -> None:
    elsewhere = {"QMCP_PUBLISH_ADDRESS", "QMCP_TLS_CA_FILE"}  # of Compose and of the client
    assert variable in set.union(elsewhere, *(variables(settings_of(name)) for name in SETTINGS))


def test_every_overlay_is_one_that_the_page_tells_of() -> None:
    assert all(f"k8s/overlays/{name}" in PAGE for name in OVERLAYS)
