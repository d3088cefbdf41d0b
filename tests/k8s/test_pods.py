"""Every pod passes Pod Security "restricted" and what goes beyond it: numeric users, sized folders, no token, resources."""

import re

import pytest

from tests.k8s.objects import System, containers, labels, main, name_of, pod, template
from tests.k8s.test_rendering import VERSIONS
from tests.version import VERSION

IMAGE = re.compile(r"[a-z0-9./-]+(:v?[0-9]+\.[0-9a-z.-]+|@sha256:[0-9a-f]{64})")
# The image's own user, which initdb must find in /etc/passwd.
POSTGRES_USER = 999
VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


def test_the_namespace_enforces_restricted_pods(system: System) -> None:
    (namespace,) = system.of("Namespace")
    for mode in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}-version"] == f"v{VERSIONS[0]}"


def test_pods_run_as_a_numeric_user_that_no_host_has(system: System) -> None:
    for workload in system.workloads:
        context = pod(workload)["securityContext"]
        assert context["runAsNonRoot"] is True
        if labels(workload)["app.kubernetes.io/component"] == "database":
            assert context["runAsUser"] == context["runAsGroup"] == POSTGRES_USER
        else:
            assert min(context["runAsUser"], context["runAsGroup"], context["fsGroup"]) >= 10000


def test_pods_have_the_default_seccomp_profile(system: System) -> None:
    for workload in system.workloads:
        assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_no_container_may_gain_a_privilege(system: System) -> None:
    for workload in system.workloads:
        for container in containers(workload):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name_of(workload)
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert set(context) == {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}


def test_no_container_can_write_its_root(system: System) -> None:
    for workload in system.workloads:
        assert all(container["securityContext"]["readOnlyRootFilesystem"] is True for container in containers(workload))


def test_no_pod_touches_its_host(system: System) -> None:
    for workload in system.workloads:
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod(workload))
        for container in containers(workload):
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_volumes_are_of_allowed_kinds_and_temporary_ones_have_a_size(system: System) -> None:
    for workload in system.workloads:
        for volume in pod(workload).get("volumes", []):
            (kind,) = set(volume) - {"name"}
            assert kind in VOLUMES
            assert kind != "emptyDir" or "sizeLimit" in volume["emptyDir"], (name_of(workload), volume)


def test_every_mount_has_its_volume_and_every_volume_is_mounted(system: System) -> None:
    for workload in system.workloads:
        claims = [name_of(each) for each in workload["spec"].get("volumeClaimTemplates", [])]
        volumes = {each["name"] for each in pod(workload).get("volumes", [])} | set(claims)
        mounts = {mount["name"] for container in containers(workload) for mount in container.get("volumeMounts", [])}
        assert volumes == mounts, name_of(workload)


@pytest.mark.promise("S28")
def test_every_workload_has_an_account_of_its_own_without_a_token(system: System) -> None:
    accounts = [pod(workload)["serviceAccountName"] for workload in system.workloads]
    assert sorted(accounts) == sorted(name_of(each) for each in system.of("ServiceAccount"))
    assert len(set(accounts)) == len(accounts)
    assert all(pod(workload)["automountServiceAccountToken"] is False for workload in system.workloads)
    assert all(each["automountServiceAccountToken"] is False for each in system.of("ServiceAccount"))


@pytest.mark.promise("S28")
def test_nobody_is_given_rights_on_the_api_server(system: System) -> None:
    assert system.of("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding") == []


def test_environments_hold_no_addresses_of_other_services(system: System) -> None:
    assert all(pod(workload)["enableServiceLinks"] is False for workload in system.workloads)


def test_images_have_an_exact_version(system: System) -> None:
    for workload in system.workloads:
        for container in containers(workload):
            assert IMAGE.fullmatch(container["image"]), container["image"]
            assert container["imagePullPolicy"] == "IfNotPresent"


def test_an_overlay_runs_the_version_that_it_stands_beside(system: System) -> None:
    images = {each["image"] for workload in system.deployments for each in containers(workload)}
    assert {image.rpartition("/")[2] for image in images} == {f"qmcp:{VERSION}"}


@pytest.mark.promise("S16", "M08", "P02")
def test_every_container_asks_for_what_it_needs_and_is_bounded(system: System) -> None:
    for workload in system.workloads:
        for container in containers(workload):
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert set(requests) == {"cpu", "memory", "ephemeral-storage"}
            # No limit of CPU: it would throttle a service on an idle node. Memory asked for is memory had.
            assert set(limits) == {"memory", "ephemeral-storage"}
            assert requests["memory"] == limits["memory"]


def test_labels_are_those_that_kubernetes_recommends(system: System) -> None:
    for workload in system.workloads:
        found = labels(workload)
        assert found["app.kubernetes.io/name"] == name_of(workload)
        assert found["app.kubernetes.io/part-of"] == "qmcp"
        assert found["app.kubernetes.io/component"] == workload["metadata"]["labels"]["app.kubernetes.io/component"]


def test_selectors_are_the_least_that_never_changes(system: System) -> None:
    # Jobs find their pods by labels that Kubernetes gives them.
    for workload in (each for each in system.workloads if each["kind"] != "CronJob"):
        assert workload["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": name_of(workload)}}


def test_prometheus_is_sent_to_a_port_that_the_container_has(system: System) -> None:
    for workload in system.workloads:
        annotations = template(workload)["metadata"].get("annotations", {})
        if annotations.get("prometheus.io/scrape") == "true":
            ports = {port["name"]: port["containerPort"] for port in main(workload)["ports"]}
            assert int(annotations["prometheus.io/port"]) == ports["metrics"]
            assert annotations["prometheus.io/path"] == "/metrics"


def test_prometheus_finds_what_has_figures(system: System) -> None:
    for workload in system.deployments:
        scraped = "prometheus.io/scrape" in template(workload)["metadata"].get("annotations", {})
        assert scraped == ("metrics" in {port["name"] for port in main(workload)["ports"]}), name_of(workload)
