"""Where everything listens: as chosen, else at the usual port, else at a free one."""

import socket
from pathlib import Path

import pytest

from devstack import listeners, ports, processes, services, settings
from devstack.errors import CannotRunError

ALL = services.found()
NAMES = sorted(service.name for service in ALL)


def choose(**variables: str) -> listeners.Listeners:
    return listeners.choose(settings.read(variables), ALL, variables)


def test_the_usual_ports_follow_the_names_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda *_: True)
    monkeypatch.setattr(ports, "require_free", lambda *_: None)
    chosen = choose()
    assert [chosen.grpc[name].port for name in NAMES] == [50051 + rank for rank in range(len(NAMES))]
    kept = {port for service in ALL for port in service.ports.values()}
    pages = [port for port in range(9464, 9464 + 2 * len(NAMES)) if port not in kept]
    assert [chosen.metrics[name].port for name in NAMES] == pages[: len(NAMES)]
    assert {each.port for more in chosen.further.values() for each in more} == kept
    assert (chosen.edge.port, chosen.web.port, chosen.mcp.port) == (3333, 3380, 3381)


def test_ports_that_a_service_has_besides_are_chosen_by_its_variable_and_told_to_it() -> None:
    (variable,) = {variable for service in ALL for variable in service.ports if service.name == "metrics"}
    port = ports.free()
    for name in (variable, "OTEL_PROMETHEUS_PORT"):
        chosen = choose(QMCP_PORT=str(ports.free()), **{name: str(port)})
        assert [(each.variable, each.port) for each in chosen.further["metrics"]] == [(variable, port)]
    rows = {row.name: row for row in processes.table(settings.read({}), ALL, chosen, "postgresql://h")}
    assert rows["metrics"].environment[variable] == str(port)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, {"access", "hitl", "tools"}),
        ({"QMCP_AUTH": "on"}, {"hitl", "tools"}),
        ({"QMCP_OWN_METRICS": "false"}, set()),
        ({"QMCP_OTLP_METRICS_ADDRESS": "collector:4317"}, set()),
    ],
)
def test_services_tell_the_one_that_keeps_metrics_what_they_count(variables: dict[str, str], told: set[str]) -> None:
    chosen = choose(QMCP_PORT=str(ports.free()))
    rows = processes.table(settings.read(variables), ALL, chosen, "postgresql://h")
    found = {row.name: row.environment.get("QMCP_OTLP_METRICS_ADDRESS") for row in rows}
    assert {name for name, address in found.items() if address} >= told
    assert "metrics" not in {name for name, address in found.items() if address}
    assert {address for address in found.values() if address} <= {chosen.grpc["metrics"].address}
    assert bool({name for name, address in found.items() if address}) == bool(told)


def test_a_usual_port_that_is_taken_gives_way_to_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = listeners.FIRST_GRPC_PORT
    monkeypatch.setattr(ports, "is_free", lambda _, port: port != taken)
    monkeypatch.setattr(ports, "require_free", lambda *_: None)
    chosen = choose()
    assert chosen.grpc[NAMES[0]].port in ports.RANGE
    assert chosen.grpc[NAMES[1]].port == taken + 1


def test_a_system_with_an_edge_of_its_own_takes_no_usual_port() -> None:
    chosen = choose(QMCP_PORT=str(ports.free()))
    every = [*chosen.grpc.values(), *chosen.metrics.values(), chosen.web]
    assert {each.port for each in every} <= set(ports.RANGE)
    assert len({each.port for each in every}) == len(every)


def test_a_chosen_address_is_taken_as_it_is_and_told_to_all() -> None:
    port, own = ports.free(), ports.free()
    variable = ALL[0].address_variable
    chosen = choose(QMCP_PORT=str(own), **{variable: f"127.0.0.2:{port}"})
    assert chosen.grpc[ALL[0].name] == listeners.Listener("127.0.0.2", port, variable)
    assert chosen.environment[variable] == f"127.0.0.2:{port}"


@pytest.mark.parametrize("variable", [name for each in ALL for name in (each.address_variable, each.metrics_variable)])
def test_a_chosen_port_that_is_taken_is_told_by_its_variable(variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(CannotRunError, match=f"Port {port}.*{variable}=…"):
            choose(QMCP_PORT=str(ports.free()), **{variable: f"127.0.0.1:{port}"})


def test_all_ports_that_are_taken_are_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        edge, web = one.getsockname()[1], other.getsockname()[1]
        with pytest.raises(CannotRunError) as told:
            choose(QMCP_PORT=str(edge), QMCP_WEB_ADDRESS=f"127.0.0.1:{web}")
    for port, variable in ((edge, "QMCP_PORT"), (web, "QMCP_WEB_ADDRESS")):
        assert f"Port {port}, which" in str(told.value)
        assert f"{variable}=…" in str(told.value)


@pytest.mark.parametrize("text", ["50051", "host:", "host:http", ":50051", "host:0", "host:65536"])
def test_what_is_no_address_is_told_by_its_variable(text: str) -> None:
    variable = ALL[-1].address_variable
    with pytest.raises(CannotRunError, match=f"{variable}.*host:port"):
        choose(QMCP_PORT=str(ports.free()), **{variable: text})


def test_every_service_starts_after_those_that_it_calls() -> None:
    order = [service.name for service in ALL]
    assert sorted(order) == sorted(path.parent.name for path in Path("services").glob("*/__main__.py"))
    for service in ALL:
        assert all(order.index(peer) < order.index(service.name) for peer in service.settings.PEERS)
