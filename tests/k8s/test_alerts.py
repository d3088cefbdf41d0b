"""The alert rules: each fires and is silent where it should, names only what is exported, and is explained."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from qmcp.options.v1 import options_pb2

from gateway import contract
from tests.k8s.render import K8S, ROOT, SERVICES, render
from tests.stack import Stack

COMMON = K8S / "monitoring" / "alerts" / "alerts.yml"
RULES = [COMMON, *sorted(K8S.glob("base/*/alerts/*.yml"))]
COMMON_CASES = ROOT / "tests" / "k8s" / "alerts.test.yml"
CASES = sorted(ROOT.glob("tests/*/alerts.test.yml"))
PAGE = (ROOT / "docs" / "operations.md").read_text()
# What is on the page of metrics that were sent, tests/metrics looks at.
FIGURE = re.compile(r"\bqmcp_[a-z_0-9]+\b(?=[{\[) ]|$)")
COUNTED = re.compile(r"_(total|bucket|sum|count)$")
SELECTOR = re.compile(r"\b((?:qmcp|envoy)_[a-z_0-9]+)\b(?![:a-z])(?:\{([^}]*)\})?")


def _rules() -> list[dict[str, Any]]:
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in _rules() if "alert" in rule}


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.promise("M25", "M33", "M34", "M35", "P25")
def test_every_case_ends_as_it_says() -> None:
    done = _promtool("test", "rules", *map(str, CASES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_is_wrong_is_noticed(tmp_path: Any) -> None:
    cases = yaml.safe_load(COMMON_CASES.read_text())
    cases["rule_files"] = [str(COMMON)]
    cases["tests"] = cases["tests"][:1]
    first = next(check for check in cases["tests"][0]["alert_rule_test"] if check["exp_alerts"])
    first["exp_alerts"] = []
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(cases))
    assert _promtool("test", "rules", str(tmp_path / "wrong.yml")).returncode == 1


@pytest.mark.promise("S18")
def test_every_alert_is_shown_firing_and_silent() -> None:
    cases = [case for file in CASES for case in yaml.safe_load(file.read_text())["tests"]]
    checks = [check for case in cases for check in case["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == set(ALERTS)
    assert {check["alertname"] for check in checks if not check["exp_alerts"]} == set(ALERTS)


@pytest.mark.promise("S31")
@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_bad_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert {"summary", "description"} <= set(rule["annotations"])
    page, _, heading = rule["annotations"]["runbook"].partition("#")
    assert re.search(rf"^#+ {heading}$", (ROOT / page).read_text(), re.MULTILINE | re.IGNORECASE)
    assert f"| `{name}` |" in PAGE


def test_the_page_explains_no_alert_that_there_is_not() -> None:
    assert set(re.findall(r"^\| `(Qmcp\w+)` \|", PAGE, re.MULTILINE)) == set(ALERTS)


def test_every_figure_that_a_rule_names_is_exported_with_its_labels(guarded: Stack) -> None:
    with httpx.Client(base_url=guarded.edge_url, timeout=30) as http:
        http.get("/v1/tools")
        http.post("/v1/tools/echo", json={"input": {"message": "a"}}, headers={"x-api-key": guarded.admin_key})
        pages = [http.get("/metrics").text]
    envoy = f"http://127.0.0.1:{guarded.env['QMCP_ENVOY_METRICS_PORT']}"
    pages.append(httpx.get(f"{envoy}/metrics", timeout=30).text)
    exported: dict[str, list[dict[str, str]]] = {}
    for page in pages:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                exported.setdefault(sample.name, []).append(dict(sample.labels))
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    named = [(rule.get("alert") or rule["record"], found) for rule in _rules() for found in _selectors(rule["expr"])]
    assert named
    for rule, (metric, labels) in named:
        assert metric in exported or metric in recorded, f"{rule} names {metric}"
        assert any(labels <= set(found) for found in exported.get(metric, [{}] if not labels else [])), (rule, metric)


@pytest.mark.parametrize("board", sorted(K8S.glob("base/*/dashboards/*.json")), ids=lambda board: board.stem)
def test_every_figure_of_ours_that_a_panel_shows_is_exported(board: Path, guarded: Stack) -> None:
    page = httpx.get(f"{guarded.edge_url}/metrics", timeout=30).text
    exported = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    exported |= {family.name for family in text_string_to_metric_families(page)}
    panels = json.loads(board.read_text())["panels"]
    shown = {name for panel in panels for each in panel["targets"] for name in FIGURE.findall(each["expr"])}
    assert shown
    assert {name for name in shown if name not in exported and COUNTED.sub("", name) not in exported} == set()


def _selectors(expression: str) -> list[tuple[str, set[str]]]:
    # Recorded series have a colon in their names, which no exported one has.
    without_recorded = re.sub(r"\bqmcp_service:[a-z_:0-9]+", "", expression)
    labels = {"envoy_cluster_name", "qmcp_service"}
    return [
        (name, set(re.findall(r"(\w+)\s*[=!]~?", inside or "")))
        for name, inside in SELECTOR.findall(without_recorded)
        if name not in labels
    ]


def test_the_rules_for_all_services_name_none() -> None:
    groups = yaml.safe_load(COMMON.read_text())["groups"]
    expressions = [rule["expr"] for group in groups for rule in group["rules"]]
    assert len(expressions) > len(ALERTS) / 2
    assert [each for each in expressions for name in SERVICES if re.search(rf"\b{name}\b", each)] == []


def test_only_calls_that_the_contract_calls_quick_are_held_to_a_second(guarded: Stack) -> None:
    assert set(re.findall(r'kind="([^"]+)"', ALERTS["QmcpCallsSlow"]["expr"])) == {"quick"}
    with httpx.Client(base_url=guarded.edge_url, timeout=30) as http:
        for path in ("/v1/tools/echo", "/v1/tools/echo:start"):
            http.post(
                path, json={"input": {"message": "a"}}, headers={"x-api-key": guarded.admin_key}
            ).raise_for_status()
        page = http.get("/metrics").text
    told = {method: kind for kind, method in re.findall(r'seconds_count\{kind="(\w+)",method="([^"]+)"\}', page)}
    declared = {
        f"/{method.containing_service.full_name}/{method.name}": options_pb2.CallKind.Name(contract.call_kind(method))
        for service in contract.services()
        for method in service.methods
    }
    known = {method: kind for method, kind in told.items() if method in declared}
    assert {"long", "quick"} <= set(known.values())
    assert {method: f"CALL_KIND_{kind.upper()}" for method, kind in known.items()} == {
        method: declared[method] for method in known
    }


def test_the_rules_of_one_service_have_its_name() -> None:
    assert [file for file in RULES[1:] if file.stem != file.parents[1].name] == []
    assert {file.stem for file in RULES[1:]} <= set(SERVICES)


def test_a_cluster_gets_the_same_rules_under_a_name_that_stays(renderer: str) -> None:
    assert renderer
    (config,) = [each for each in yaml.safe_load_all(render(COMMON.parent)) if each]
    assert (config["kind"], config["metadata"]["name"]) == ("ConfigMap", "qmcp-alerts")
    assert config["data"] == {file.name: file.read_text() for file in RULES}


def test_prometheus_of_compose_reads_the_rules() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    volumes = compose["services"]["prometheus"]["volumes"]
    wanted = {f"./{file.relative_to(ROOT)}:/etc/prometheus/alerts/{file.name}:ro" for file in RULES}
    assert wanted == {each for each in volumes if "alerts" in each}
    assert yaml.safe_load((K8S / "monitoring" / "prometheus.yml").read_text())["rule_files"] == ["alerts/*.yml"]
