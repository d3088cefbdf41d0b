"""The network lets through what the service graph needs, and nothing else."""

from collections.abc import Iterator

import pytest

from devstack.processes import EXPORT
from devstack.services import taker_of
from servicekit.smtp import PORTS
from tests.k8s.objects import System, chosen, component, labels, main, name_of, selects
from tests.k8s.render import SERVICES, Object
from tests.k8s.test_configuration import settings_of

# Who calls whom, on which port. `prometheus`, `clients`, `internet` and `database` stand outside the namespace.
EDGE = {
    ("clients", "gateway", 3333),
    ("gateway", "web", 3380),
    ("gateway", "mcp", 3381),
    # Whether it answers, and what it counts.
    ("web", "mcp", 3381),
    ("web", "mcp", 9464),
    ("prometheus", "mcp", 9464),
    ("prometheus", "gateway", 9902),
    # What the edge answered itself, for /metrics.
    ("web", "gateway", 9902),
}
# Who takes what the others count.
KEEPER = taker_of(EXPORT)
METADATA = "169.254.0.0/16"


def _lines_of(service: str) -> Iterator[tuple[str, str, int]]:
    """The lines of a service: those that all have, and those that its settings ask for."""
    for caller, port in (("gateway", 50051), ("mcp", 50051), ("web", 50051), ("web", 9464), ("prometheus", 9464)):
        yield (caller, service, port)
    settings = settings_of(service)
    yield from ((service, peer, 50051) for peer in settings.PEERS)
    # What it counts.
    if service != KEEPER:
        yield (service, KEEPER, 50051)
    yield from (("prometheus", service, port) for port in settings.PORTS.values())
    # Who guards against addresses that callers name calls addresses that callers name.
    if any(name.endswith("_allowed_networks") for name in settings.model_fields):
        yield from ((service, "internet", port) for port in (80, 443))
    # Who sends mail reaches a server for it.
    if any(name.endswith("_smtp_url") for name in settings.model_fields):
        yield from ((service, "internet", port) for port in PORTS.values())


def _graph(system: System) -> set[tuple[str, str, int]]:
    database = "postgres" if system.has("StatefulSet", "postgres") else "database"
    lines = {line for service in SERVICES for line in _lines_of(service)}
    searching = {name for name in SERVICES if "qdrant_url" in settings_of(name).model_fields}
    found = {(service, "qdrant", 6333) for service in searching if system.has("StatefulSet", "qdrant")}
    saving = [name_of(each) for each in system.workloads if component(each) == "backup"]
    return EDGE | lines | found | {(name, database, 5432) for name in (*SERVICES, *saving)}


def _policies(system: System) -> list[Object]:
    return system.of("NetworkPolicy")


def _outsider(peer: Object) -> str | None:
    match peer:
        case {"ipBlock": {"cidr": "0.0.0.0/0" | "::/0"}}:
            return "internet"
        case {"ipBlock": _}:
            return "database"
        case {"namespaceSelector": {"matchLabels": {"qmcp.dev/edge": "client"}}}:
            return "clients"
        case {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}:
            return "prometheus"
        case {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}:
            return "dns"
    return None


def _peers(peers: list[Object], system: System) -> list[str]:
    found: list[str] = []
    for peer in peers:
        outside = _outsider(peer)
        found += [outside] if outside else chosen(peer["podSelector"], system.workloads)
    return found


def _edges(system: System, direction: str) -> Iterator[tuple[str, str, int]]:
    key = "from" if direction == "ingress" else "to"
    for policy in _policies(system):
        for rule in policy["spec"].get(direction, []):
            for own in chosen(policy["spec"]["podSelector"], system.workloads):
                for other in _peers(rule[key], system):
                    for port in rule["ports"]:
                        pair = (other, own) if direction == "ingress" else (own, other)
                        yield (*pair, port["port"])


def test_nothing_goes_in_or_out_unless_another_policy_says_so(system: System) -> None:
    spec = system.named("NetworkPolicy", "default-deny")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.promise("S28")
def test_everyone_may_resolve_names_by_udp_and_tcp(system: System) -> None:
    spec = system.named("NetworkPolicy", "name-resolution")["spec"]
    assert spec["podSelector"] == {}
    (rule,) = spec["egress"]
    assert [_outsider(peer) for peer in rule["to"]] == ["dns"]
    assert {(port["protocol"], port["port"]) for port in rule["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_what_may_come_in_is_the_service_graph(system: System) -> None:
    expected = {line for line in _graph(system) if line[1] not in ("internet", "database")}
    assert set(_edges(system, "ingress")) == expected


@pytest.mark.promise("S28", "S07")
def test_what_may_go_out_is_the_service_graph(system: System) -> None:
    expected = {line for line in _graph(system) if line[0] not in ("clients", "prometheus")}
    assert {edge for edge in _edges(system, "egress") if edge[1] != "dns"} == expected


def test_every_policy_is_for_a_pod_and_every_deployment_has_one(system: System) -> None:
    named = set()
    for policy in _policies(system):
        found = chosen(policy["spec"]["podSelector"], system.workloads)
        assert found, name_of(policy)
        if policy["spec"]["podSelector"]:
            named |= set(found)
    assert named >= {name_of(each) for each in system.deployments}


def test_tools_and_webhooks_cannot_reach_private_networks_or_the_metadata_of_the_cloud(system: System) -> None:
    blocks = [
        peer["ipBlock"]
        for policy in _policies(system)
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer and peer["ipBlock"]["cidr"] == "0.0.0.0/0"
    ]
    assert blocks
    for block in blocks:
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", METADATA} <= set(
            block["except"]
        )


def test_every_service_leads_to_one_workload_and_to_ports_that_it_has(system: System) -> None:
    for service in system.of("Service"):
        spec = service["spec"]
        (name,) = [
            name_of(each) for each in system.workloads if selects({"matchLabels": spec["selector"]}, labels(each))
        ]
        # Prometheus pages of many replicas have a name of their own, which leads to each of them.
        assert name_of(service) in (name, f"{name}-metrics" if spec.get("clusterIP") == "None" else name)
        (workload,) = [each for each in system.workloads if name_of(each) == name]
        ports = {port["name"]: port["containerPort"] for port in main(workload)["ports"]}
        for port in spec["ports"]:
            assert ports[port["targetPort"]] == port["port"]


def test_no_service_opens_the_cluster_by_itself(system: System) -> None:
    assert all(each["spec"].get("type", "ClusterIP") == "ClusterIP" for each in system.of("Service"))


def test_grpc_services_are_headless_and_say_whether_they_speak_in_clear(system: System) -> None:
    for service in system.of("Service"):
        if component(service) == "grpc-service":
            assert service["spec"]["clusterIP"] == "None"
            ports = {port["name"]: port for port in service["spec"]["ports"]}
            assert ports["grpc"]["appProtocol"] == ("https" if system.of("Certificate") else "kubernetes.io/h2c")


def test_every_service_tells_what_it_counts_to_the_one_that_keeps_metrics(system: System) -> None:
    told = {
        name_of(each): entry["value"]
        for each in system.deployments
        for entry in main(each).get("env", [])
        if entry["name"] == "QMCP_OTLP_METRICS_ADDRESS"
    }
    assert told == dict.fromkeys(set(SERVICES) - {KEEPER}, f"{KEEPER}:50051")


@pytest.mark.promise("S08")
def test_who_finds_by_meaning_is_told_where_qdrant_is(system: System) -> None:
    told = {
        name_of(each): entry["value"]
        for each in system.deployments
        for entry in main(each).get("env", [])
        if entry["name"] == "QMCP_QDRANT_URL"
    }
    here = system.has("StatefulSet", "qdrant")
    searching = {name for name in SERVICES if "qdrant_url" in settings_of(name).model_fields}
    assert searching
    assert told == dict.fromkeys(searching if here else (), "http://qdrant:6333")
    if here:
        (port,) = system.named("Service", "qdrant")["spec"]["ports"]
        assert port["port"] == 6333
