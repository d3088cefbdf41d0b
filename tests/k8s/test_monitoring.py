"""Prometheus and Grafana for a cluster that has none, and the way in from outside."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.k8s import test_pods
from tests.k8s.objects import System, containers, main, name_of, pod
from tests.k8s.render import ALWAYS, OPTIONAL, ROOT, combination, monitoring
from tests.k8s.test_rendering import VERSIONS, complaint

CHECKS = [
    test_pods.test_the_namespace_enforces_restricted_pods,
    test_pods.test_pods_run_as_a_numeric_user_that_no_host_has,
    test_pods.test_pods_have_the_default_seccomp_profile,
    test_pods.test_no_container_may_gain_a_privilege,
    test_pods.test_no_container_can_write_its_root,
    test_pods.test_no_pod_touches_its_host,
    test_pods.test_volumes_are_of_allowed_kinds_and_temporary_ones_have_a_size,
    test_pods.test_every_mount_has_its_volume_and_every_volume_is_mounted,
    test_pods.test_images_have_an_exact_version,
    test_pods.test_every_container_asks_for_what_it_needs_and_is_bounded,
    test_pods.test_labels_are_those_that_kubernetes_recommends,
    test_pods.test_selectors_are_the_least_that_never_changes,
]


@pytest.fixture(scope="module")
def watching(renderer: str) -> System:
    assert renderer
    return System("monitoring", monitoring())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_its_pods_are_as_closed_as_ours(check: Callable[[System], None], watching: System) -> None:
    check(watching)


@pytest.mark.promise("S09", "S06")
def test_it_is_applied_with_one_command_and_has_what_it_mounts(watching: System) -> None:
    [version, *_] = VERSIONS
    complaints = {name_of(each): complaint(json.dumps(each), version) for each in watching.objects}
    assert {name: text for name, text in complaints.items() if text} == {}
    maps = {name_of(each): set(each["data"]) for each in watching.of("ConfigMap")}
    boards = [
        source["configMap"]["name"]
        for volume in pod(watching.named("Deployment", "grafana"))["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
    ]
    files = {path.name for path in ROOT.glob("k8s/base/*/dashboards/*.json")}
    assert {file for name in boards for file in maps[name]} == files
    for workload in watching.workloads:
        mounted = [each["configMap"]["name"] for each in pod(workload)["volumes"] if "configMap" in each]
        assert set(mounted) <= set(maps)
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("prometheus", "grafana"):
        [workload] = [each for each in watching.workloads if name_of(each) == name]
        assert main(workload)["image"] == f"docker.io/{compose[name]['image']}"


def test_who_looks_for_pods_may_see_pods_and_nothing_else(watching: System) -> None:
    assert [
        (each["resources"], each["verbs"]) for each in watching.named("ClusterRole", "qmcp-prometheus")["rules"]
    ] == [(["pods"], ["get", "list", "watch"])]
    with_token = {name_of(each) for each in watching.workloads if pod(each)["automountServiceAccountToken"]}
    assert with_token == {"prometheus"}


def test_prometheus_reads_its_configuration_as_it_is_mounted(watching: System, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    workload = watching.named("StatefulSet", "prometheus")
    [container] = containers(workload)
    maps = {name_of(each): each["data"] for each in watching.of("ConfigMap")}
    volumes = {each["name"]: maps[each["configMap"]["name"]] for each in pod(workload)["volumes"]}
    for mount in container["volumeMounts"]:
        if mount["name"] not in volumes:
            continue
        place = tmp_path / mount["mountPath"].removeprefix("/")
        for file, text in volumes[mount["name"]].items():
            here = place if "subPath" in mount else place / file
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_text(text.replace("/etc/prometheus", f"{tmp_path}/etc/prometheus"))
            if mount["name"] == "config":
                # Debian's was built without what finds pods; tests/k8s/test_discovery.py looks at that.
                document = yaml.safe_load(here.read_text())
                for job in document["scrape_configs"]:
                    del job["kubernetes_sd_configs"]
                here.write_text(yaml.safe_dump(document))
    [config] = [each.partition("=")[2] for each in container["args"] if each.startswith("--config.file")]
    done = subprocess.run(
        [promtool, "check", "config", f"{tmp_path}{config}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "rules found" in done.stdout


@pytest.mark.promise("S09")
def test_an_ingress_leads_to_a_port_of_the_gateway_with_tls() -> None:
    chosen = ("single-replica", "plaintext", "postgres", "ingress")
    assert {"ingress"} <= set(OPTIONAL)
    assert set(ALWAYS).isdisjoint(chosen)
    system = System("combination", combination(chosen))
    [ingress] = system.of("Ingress")
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    backend = path["backend"]["service"]
    ports = {port["name"] for port in system.named("Service", backend["name"])["spec"]["ports"]}
    assert backend["port"]["name"] in ports
    assert [each["hosts"] for each in ingress["spec"]["tls"]] == [[rule["host"]]]
