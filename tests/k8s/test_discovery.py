"""k8s/monitoring/cluster.yml finds every replica that has figures, once, by what its pod says of itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from devstack.services import found
from tests.k8s.objects import System, labels, main, template
from tests.k8s.render import K8S, Object

[JOB] = yaml.safe_load((K8S / "monitoring" / "cluster.yml").read_text())["scrape_configs"]


def _meta(workload: Object, port: Mapping[str, Any]) -> dict[str, str]:
    """What Prometheus knows of a pod's port before it relabels."""
    annotations = template(workload)["metadata"].get("annotations", {})
    known = {f"pod_annotation_{name}": value for name, value in annotations.items()}
    known |= {f"pod_label_{name}": value for name, value in labels(workload).items()}
    known |= {"pod_container_port_name": port["name"], "pod_container_port_number": str(port["containerPort"])}
    return {f"__meta_kubernetes_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}": value for name, value in known.items()}


def _targets(system: System) -> Iterator[tuple[str, int, str]]:
    """Service, port and path of everything that is scraped."""
    [selector] = JOB["kubernetes_sd_configs"][0]["selectors"]
    wanted = dict([selector["label"].split("=")])
    for workload in system.deployments:
        for port in main(workload)["ports"] if wanted.items() <= labels(workload).items() else []:
            meta = _meta(workload, port)
            for rule in JOB["relabel_configs"]:
                value = ";".join(meta.get(name, "") for name in rule["source_labels"])
                if rule.get("action") == "keep" and not re.fullmatch(rule["regex"], value):
                    break
                if "target_label" in rule:
                    meta[rule["target_label"]] = value
            else:
                yield meta["app"], port["containerPort"], meta["__metrics_path__"]


def test_everything_with_a_page_of_figures_is_scraped_once(system: System) -> None:
    pages = {
        (labels(workload)["app.kubernetes.io/name"], port["containerPort"], "/metrics")
        for workload in system.deployments
        for port in main(workload)["ports"]
        if port["name"] == "metrics" or port["name"].endswith("-metrics")
    }
    assert pages
    assert sorted(_targets(system)) == sorted(pages)


def test_prometheus_may_come_in_from_where_the_page_says_that_it_runs(system: System) -> None:
    [namespace] = set(re.findall(r"namespace `(\w+)`", (K8S / "monitoring" / "cluster.yml").read_text()))
    assert f"'kubernetes.io/metadata.name': '{namespace}'" in str(system.of("NetworkPolicy"))


@pytest.mark.promise("M29")
def test_a_page_that_only_one_service_has_is_scraped_in_a_cluster_and_in_compose(system: System) -> None:
    """By its settings: PORTS names the port that its folder opens and Prometheus is told of."""
    having = [each for each in found() if each.ports]
    assert having
    for service in having:
        pages = set(service.ports.values())
        assert pages <= {port["port"] for port in system.named("Service", service.name)["spec"]["ports"]}
        assert pages <= {port for name, port, _ in _targets(system) if name == service.name}
        files = (K8S / "base" / service.name / "targets").glob("*.yml")
        told = [target for file in files for each in yaml.safe_load(file.read_text()) for target in each["targets"]]
        assert {f"{service.name}:{port}" for port in pages} == set(told)
