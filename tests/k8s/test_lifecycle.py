"""Pods start, are watched, leave without cutting a call, and there are always enough of them."""

import pytest

from servicekit.health import LIVENESS
from tests.k8s.objects import System, chosen, component, containers, environment, main, name_of, pod
from tests.k8s.render import ROOT, Object, overlay, overlays_with

# What is left of the grace period when everything took as long as it may.
MARGIN = 5


def _grpc_services(system: System) -> list[Object]:
    return [each for each in system.deployments if component(each) == "grpc-service"]


def _seconds(workload: Object, system: System, *names: str) -> float:
    found = environment(main(workload), system)
    return sum(float(found[name] or 0) for name in names)


@pytest.mark.promise("M08")
def test_every_container_that_stays_has_three_probes(system: System) -> None:
    # A backup serves nobody: it ends when it is done or cannot go on, and the kubelet sees that.
    for workload in (each for each in system.workloads if component(each) != "backup"):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert main(workload)[probe]["timeoutSeconds"] >= 2, name_of(workload)


def test_grpc_services_are_probed_by_grpc_on_their_numeric_port(system: System) -> None:
    for workload in _grpc_services(system):
        container = main(workload)
        found = environment(container, system)
        # The kubelet has no certificate; where one is needed, health has a port of its own.
        port = int(found.get("QMCP_GRPC_HEALTH_PORT") or found["QMCP_GRPC_PORT"] or 0)
        assert ("QMCP_GRPC_TLS_CERTIFICATE_FILE" in found) == ("QMCP_GRPC_HEALTH_PORT" in found)
        services = {probe: container[probe]["grpc"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        assert services == {
            "startupProbe": {"port": port, "service": "liveness"},
            "readinessProbe": {"port": port, "service": ""},
            "livenessProbe": {"port": port, "service": "liveness"},
        }


def test_the_name_of_the_liveness_probe_is_the_one_that_services_answer(system: System) -> None:
    assert {main(each)["livenessProbe"]["grpc"]["service"] for each in _grpc_services(system)} == {LIVENESS}


def test_the_edge_is_ready_by_its_own_word_not_by_that_of_the_services(system: System) -> None:
    probe = main(system.named("Deployment", "gateway"))["readinessProbe"]["httpGet"]
    assert probe["path"] == "/ready"
    assert "exact: /ready" in (ROOT / "gateway" / "envoy.yaml").read_text()


def test_the_grace_period_has_room_for_the_hook_the_drain_and_the_calls_in_flight(system: System) -> None:
    for workload in system.deployments:
        grace = pod(workload)["terminationGracePeriodSeconds"]
        hook = main(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        match component(workload):
            case "grpc-service":
                own = _seconds(workload, system, "QMCP_DRAIN_SECONDS", "QMCP_SHUTDOWN_GRACE_SECONDS")
            case "edge":
                own = _seconds(workload, system, "QMCP_ENVOY_DRAIN_SECONDS")
            case _:
                own = 0
        assert grace >= hook + own + MARGIN, name_of(workload)


def test_nothing_is_stopped_before_its_callers_know(system: System) -> None:
    for workload in system.deployments:
        hook = "preStop" in main(workload).get("lifecycle", {})
        drains = float(environment(main(workload), system).get("QMCP_DRAIN_SECONDS") or 0) >= 5
        assert hook or drains, name_of(workload)


def test_connections_end_now_and_then_so_that_new_replicas_are_found(system: System) -> None:
    for workload in _grpc_services(system):
        assert _seconds(workload, system, "QMCP_MAX_CONNECTION_AGE_SECONDS") > 0


def test_a_rollout_never_has_fewer_pods_than_before(system: System) -> None:
    for workload in system.deployments:
        spec = workload["spec"]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert spec["minReadySeconds"] > 0
        assert spec["progressDeadlineSeconds"] < 600
        assert spec["revisionHistoryLimit"] <= 10


def test_migrations_run_before_the_service_and_not_in_it(system: System) -> None:
    for workload in _grpc_services(system):
        migrate, service = containers(workload)
        name = name_of(workload)
        assert (migrate["args"], service["args"]) == ([name, "migrate"], [name])
        assert migrate["image"] == service["image"]
        assert environment(service, system)["QMCP_MIGRATE_ON_START"] == "false"


@pytest.mark.promise("S22", "M08", "P26")
def test_production_has_three_replicas_at_least_and_whatever_is_replicated_two(replicated: System) -> None:
    least = 3 if replicated.name == "prod" else 2
    assert {name_of(each) for each in replicated.of("HorizontalPodAutoscaler")} == {
        name_of(each) for each in replicated.deployments
    }
    for scaler in replicated.of("HorizontalPodAutoscaler"):
        assert least <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"], name_of(scaler)


def test_one_replica_has_neither_autoscaler_nor_budget_to_hold_up_its_node(renderer: str) -> None:
    assert renderer
    single = overlays_with("single-replica")
    assert single
    for name in single:
        system = System(name, overlay(name))
        assert system.of("HorizontalPodAutoscaler", "PodDisruptionBudget") == []
        assert all(workload["spec"].get("replicas", 1) == 1 for workload in system.workloads)


@pytest.mark.promise("S06")
def test_autoscalers_are_the_only_ones_to_say_how_many(replicated: System) -> None:
    for scaler in replicated.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = replicated.named(target["kind"], target["name"])
        assert target["apiVersion"] == workload["apiVersion"]
        assert "replicas" not in workload["spec"]


@pytest.mark.promise("S06", "S21")
def test_autoscalers_measure_and_are_quick_to_grow_and_slow_to_shrink(replicated: System) -> None:
    for scaler in replicated.of("HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        assert [each["resource"]["name"] for each in spec["metrics"]] == ["cpu"]
        assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
        assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.promise("S22")
def test_every_deployment_has_a_budget_that_lets_one_pod_go(replicated: System) -> None:
    for workload in replicated.deployments:
        spec = replicated.named("PodDisruptionBudget", name_of(workload))["spec"]
        assert chosen(spec["selector"], replicated.workloads) == [name_of(workload)]
        assert spec["maxUnavailable"] == 1
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.promise("S22")
def test_every_deployment_is_spread_over_zones_and_hosts(replicated: System) -> None:
    for workload in replicated.deployments:
        constraints = pod(workload)["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in constraints} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        for each in constraints:
            assert "app.kubernetes.io/name" in each["matchLabelKeys"]
            assert "pod-template-hash" in each["matchLabelKeys"]


def test_no_replica_keeps_what_the_others_must_have_too(replicated: System) -> None:
    for workload in replicated.deployments:
        assert not any("persistentVolumeClaim" in volume for volume in pod(workload)["volumes"]), name_of(workload)
