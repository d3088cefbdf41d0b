"""The lists that k8s/generate.py writes are those of the folders that are there."""

from pathlib import Path

import pytest

from k8s import generate
from tests.k8s.render import K8S, SERVICES


@pytest.mark.parametrize("path", generate.files(), ids=lambda path: str(path.relative_to(K8S)))
def test_a_generated_file_is_what_its_generator_writes(path: Path) -> None:
    assert path.read_text() == generate.files()[path], "run `make generate`"


def test_every_service_has_a_folder_and_nothing_else_is_one() -> None:
    folders = {path.name for path in (K8S / "base").iterdir() if path.is_dir()}
    assert folders == {*SERVICES, "gateway", "mcp", "web"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_all_that_is_its_own_in_its_folder(service: str) -> None:
    names = {path.name for path in (K8S / "base" / service).iterdir()}
    assert names >= {
        "autoscaler.yaml",
        "certificate.yaml",
        "deployment.yaml",
        "disruption-budget.yaml",
        "kustomization.yaml",
        "service-account.yaml",
        "service.yaml",
        "settings.env",
    }
