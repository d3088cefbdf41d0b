"""Renders the overlays and any choice of components: `python -m tests.k8s.render [OVERLAY …]`.

Without an argument it renders every overlay and tells how much came out; with names it prints their YAML.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"

SERVICES = tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py")))
OVERLAYS = tuple(sorted(path.name for path in (K8S / "overlays").iterdir()))
COMPONENTS = tuple(sorted(path.name for path in (K8S / "components").iterdir()))
# What base/kustomization.yaml gives to all; what an overlay takes one of; and what it may take or leave.
ALWAYS = ("pod-security", "grpc-service", "network-policies")
EITHER = (
    (("single-replica",), ("autoscaling", "availability")),
    (("plaintext",), ("mtls",)),
    (("postgres",), ("external-postgres",)),
)
OPTIONAL = ("backups", "edge-tls", "ingress", "point-in-time", "prometheus-annotations", "qdrant")

Object = dict[str, Any]


class NoRendererError(Exception):
    """There is neither kustomize nor kubectl, and no Go to install one with."""


@cache
def renderers() -> dict[str, tuple[str, ...]]:
    """The commands that render a folder, by name: all that are here, or else kustomize, installed by Go."""
    found: dict[str, tuple[str, ...]] = {}
    kustomize = shutil.which("kustomize") or shutil.which("kustomize", path=_go_bin())
    if kustomize:
        found["kustomize"] = (kustomize, "build")
    if kubectl := shutil.which("kubectl"):
        found["kubectl"] = (kubectl, "kustomize")
    if not found:
        found["kustomize"] = (_install(), "build")
    return found


def render(folder: Path, renderer: str | None = None) -> str:
    """The YAML of a kustomization.

    Raises:
        NoRendererError: when nothing here can render.
        RuntimeError: when the kustomization is wrong, with what the renderer says about it.
    """
    commands = renderers()
    command = commands[renderer] if renderer else next(iter(commands.values()))
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def chosen_by(name: str) -> set[str]:
    """The components that an overlay lists."""
    document = yaml.safe_load((K8S / "overlays" / name / "kustomization.yaml").read_text())
    return {each.rpartition("/")[2] for each in document["components"] if each.startswith("../../components/")}


def overlays_with(component: str) -> list[str]:
    """The overlays that list this component."""
    return [name for name in OVERLAYS if component in chosen_by(name)]


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """The objects of an overlay."""
    return _objects(render(K8S / "overlays" / name))


@cache
def combination(components: Sequence[str]) -> tuple[Object, ...]:
    """The objects of the base with these components, as an overlay that is nothing but that has them."""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch).resolve()
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "qmcp-combination",
            "resources": [os.path.relpath(K8S / "base", here)],
            "components": [os.path.relpath(K8S / "components" / name, here) for name in components],
        }
        (here / "kustomization.yaml").write_text(yaml.safe_dump(document))
        return _objects(render(here))


@cache
def monitoring() -> tuple[Object, ...]:
    """The objects of what watches a cluster."""
    return _objects(render(K8S / "monitoring"))


def _objects(text: str) -> tuple[Object, ...]:
    return tuple(document for document in yaml.safe_load_all(text) if document)


def _go_bin() -> str:
    go = shutil.which("go")
    if go is None:
        return ""
    return str(Path(subprocess.check_output([go, "env", "GOPATH"], text=True).strip()) / "bin")


def _install() -> str:
    go = shutil.which("go")
    if go is None:
        raise NoRendererError(
            "Nothing here renders k8s/: neither kustomize nor kubectl is on the PATH, and there is no Go to install one. "
            "Install one of them (kubectl.docs.kubernetes.io/installation) to render and to test what is rendered."
        )
    try:
        subprocess.run([go, "install", KUSTOMIZE], check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as error:
        raise NoRendererError(
            f"`go install {KUSTOMIZE}` failed, and nothing else here renders: {error.stderr}"
        ) from None
    except subprocess.TimeoutExpired:
        raise NoRendererError(f"`go install {KUSTOMIZE}` took too long, and nothing else here renders k8s/.") from None
    return str(Path(_go_bin()) / "kustomize")


def main(names: list[str]) -> int:
    """Prints what the arguments ask for; 0 when all of it renders."""
    try:
        if names:
            for name in names:
                print(render(K8S / "overlays" / name), end="")
            return 0
        for name in OVERLAYS:
            print(f"k8s/overlays/{name}: {len(overlay(name))} objects, by {next(iter(renderers()))}")
    except (NoRendererError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
