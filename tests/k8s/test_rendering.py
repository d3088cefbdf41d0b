"""Everything renders, in every choice of components, into what the API server of several versions takes."""

import json
import re
from functools import cache
from itertools import chain, product
from pathlib import Path

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

from tests.k8s.custom_resources import SCHEMAS
from tests.k8s.objects import System, name_of
from tests.k8s.render import (
    ALWAYS,
    COMPONENTS,
    EITHER,
    K8S,
    OPTIONAL,
    OVERLAYS,
    SERVICES,
    chosen_by,
    combination,
    main,
    render,
    renderers,
)

pytestmark = pytest.mark.usefixtures("renderer")

# The oldest that knows all we use (preStop sleep, matchLabelKeys of affinity), and newer ones.
VERSIONS = ("1.31", "1.34", "1.37")
# Kinds by the API group that has them now; one that leaves Kubernetes leaves this table.
CURRENT = {
    "v1": {"Namespace", "ServiceAccount", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim"},
    "apps/v1": {"Deployment", "StatefulSet"},
    "batch/v1": {"CronJob"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "policy/v1": {"PodDisruptionBudget"},
    "networking.k8s.io/v1": {"NetworkPolicy", "Ingress"},
    "cert-manager.io/v1": {"Issuer", "Certificate"},
}
# Every choice between two, with none and with all of the rest.
CHOICES = [tuple(chain(*picked, rest)) for picked in product(*EITHER) for rest in ((), OPTIONAL)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_tool_renders_an_overlay_into_the_same(name: str) -> None:
    folder = K8S / "overlays" / name
    assert len({render(folder, each) for each in renderers()}) == 1


@pytest.mark.parametrize("choice", CHOICES, ids="+".join)
def test_every_choice_of_components_renders(choice: tuple[str, ...]) -> None:
    names = [(each["kind"], name_of(each)) for each in combination(choice)]
    assert len(names) == len(set(names))


def test_every_component_is_for_all_an_alternative_or_optional() -> None:
    known = chain(ALWAYS, OPTIONAL, *chain(*EITHER))
    assert sorted(known) == list(COMPONENTS)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_takes_one_of_each_alternative(name: str) -> None:
    chosen = chosen_by(name)
    for one, other in EITHER:
        assert [set(each) <= chosen for each in (one, other)].count(True) == 1
        assert not (chosen & set(one) and chosen & set(other))


def test_what_is_tried_in_staging_is_what_runs_in_production() -> None:
    assert chosen_by("staging") == chosen_by("prod")


def test_components_and_overlays_name_no_service() -> None:
    # Not any word: a service may be called `metrics`, as ports are.
    name = rf"(?:{'|'.join(SERVICES)})(?:-[a-z]+)*"
    naming = re.compile(
        rf"(?:metadata:\s+name|app\.kubernetes\.io/name|secretName|serviceAccountName): {name}$|\b{name}:\d{{4,5}}\b"
        rf"|{{app\.kubernetes\.io/name: {name}|target: {{[^}}]*\bname: ",
        re.MULTILINE,
    )
    files = [*K8S.glob("components/**/*.yaml"), *K8S.glob("overlays/*/*.yaml")]
    assert naming.search((K8S / "base" / "tools" / "service.yaml").read_text())
    assert [str(file) for file in files if naming.search(file.read_text())] == []


@cache
def complaint(document: str, version: str) -> str:
    thing = json.loads(document)
    if thing["apiVersion"] == "cert-manager.io/v1":
        # A custom resource: Kubernetes itself has no schema of it.
        errors = jsonschema_rs.validator_for(SCHEMAS[thing["kind"]]).iter_errors(thing)
        return "; ".join(error.message for error in errors)
    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_the_schema_of_kubernetes(system: System, version: str) -> None:
    # Where it is says nothing of its form, and overlays share most objects.
    placeless = [each | {"metadata": each["metadata"] | {"namespace": "any"}} for each in system.objects]
    complaints = {name_of(each): complaint(json.dumps(each), version) for each in placeless}
    assert {name: text for name, text in complaints.items() if text} == {}


def test_a_wrong_field_is_found_by_the_schemas() -> None:
    document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"porst": []}}
    assert "porst" in complaint(json.dumps(document), VERSIONS[0])


def test_a_wrong_field_of_a_certificate_is_found_too() -> None:
    spec = {"secretName": "x", "issuerRef": {"name": "y"}, "dnsName": "x"}
    document = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "x"}, "spec": spec}
    assert "dnsName" in complaint(json.dumps(document), VERSIONS[0])


def test_no_object_is_of_a_kind_that_has_moved(system: System) -> None:
    assert [each["kind"] for each in system.objects if each["kind"] not in CURRENT.get(each["apiVersion"], set())] == []


@pytest.mark.promise("S05", "M08")
def test_everything_is_in_the_namespace_of_its_overlay(system: System) -> None:
    (namespace,) = (name_of(each) for each in system.of("Namespace"))
    others = [each for each in system.objects if each["kind"] != "Namespace"]
    assert {each["metadata"].get("namespace") for each in others} == {namespace}


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_says_what_it_is_for(name: str) -> None:
    kustomization = (K8S / "components" / name / "kustomization.yaml").read_text()
    assert kustomization.startswith("# ")
    assert f"| [{name}](components/{name}) |" in (K8S / "README.md").read_text()


def test_every_file_is_used() -> None:
    unused = []
    for file in K8S.rglob("kustomization.yaml"):
        text = file.read_text()
        unused += [
            path
            for path in _files_beside(file)
            if not re.search(rf"(^|[\s\[]){re.escape(path.name)}($|[\s,\]])", text, re.MULTILINE)
        ]
    assert unused == []


def _files_beside(kustomization: Path) -> list[Path]:
    return [path for path in kustomization.parent.iterdir() if path.is_file() and path != kustomization]


def test_every_yaml_file_parses() -> None:
    for file in K8S.rglob("*.y*ml"):
        assert list(yaml.safe_load_all(file.read_text())), file


def test_the_command_tells_what_it_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert re.search(r"k8s/overlays/dev: \d+ objects", capsys.readouterr().out)


def test_the_command_says_why_it_cannot_render(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-overlay"]) == 1
    assert "no-such-overlay" in capsys.readouterr().err
