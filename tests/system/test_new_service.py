"""A new service is its folders and nothing else: a copy of one under another name is served, watched and deployed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import yaml
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from qmcp.access.v1 import access_service_pb2

from tests.architecture import tree
from tests.k8s.conftest import renderer  # noqa: F401 -- a fixture
from tests.k8s.render import OVERLAYS, render
from tests.stack import ROOT, Stack, compiled

MODEL, NEW = "access", "probe"
# All that is a service's own.
FOLDERS = ("protos/qmcp/{}", "services/{}", "k8s/base/{}", "tests/{}", "client/qmcp/client/{}")
# Kubernetes' own word is no name of ours.
NAME = re.compile(rf"{MODEL}(?!Modes)", re.IGNORECASE)
ROUTE = re.compile(r'"/v1/')


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with one service more, and everything generated anew."""
    root = tmp_path_factory.mktemp("grown") / "tree"
    for name in tree.files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    git(root, "init", "-q")
    git(root, "add", "--all")
    git(
        root,
        *("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"),
        "commit",
        "-qm",
        "before",
    )
    for folder in FOLDERS:
        copy(root / folder.format(MODEL), root / folder.format(NEW))
    recipe = re.search(r"^generate:.*\n((?:\t.*\n)+)", (root / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    binaries = str(Path(sys.executable).parent)
    for line in recipe[1].replace("$(CURDIR)/$(BIN)", binaries).replace("$(BIN)", binaries).splitlines():
        subprocess.run(line.strip().replace("$$", "$"), shell=True, cwd=root, env=environment(root), check=True)
    compiled(root)
    return root


@pytest.fixture(scope="module")
def served(grown: Path) -> Iterator[Stack]:
    """The grown tree as `make run` starts it."""
    stack = Stack(grown.parent / "home", grown)
    stack.env["PYTHONPATH"] = environment(grown)["PYTHONPATH"]
    stack.start()
    yield stack
    stack.stop()


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def environment(root: Path) -> dict[str, str]:
    """What makes Python take the modules of this tree."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(root / part) for part in ("", "gen", "client"))}


def copy(model: Path, new: Path) -> None:
    """Copies a folder and renames all that carries the model's name; HTTP routes get a prefix, as no two may be equal."""
    for file in (each for each in model.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
        target = new / NAME.sub(renamed, str(file.relative_to(model)))
        target.parent.mkdir(parents=True, exist_ok=True)
        text = NAME.sub(renamed, file.read_text())
        target.write_text(ROUTE.sub(f'"/v1/{NEW}/', text) if file.suffix == ".proto" else text)


def renamed(found: re.Match[str]) -> str:
    text = found[0]
    return NEW.upper() if text.isupper() else NEW.title() if text[0].isupper() else NEW


def test_no_other_file_was_written_by_hand(grown: Path) -> None:
    new = tuple(folder.format(NEW) + "/" for folder in FOLDERS)
    for line in git(grown, "status", "--porcelain", "--untracked-files=all").splitlines():
        name = line[3:]
        assert name.startswith((*new, "gen/")) or "generated" in (grown / name).read_text()[:300].lower(), line


def test_it_is_served_through_the_edge_over_http_and_grpc(served: Stack) -> None:
    answer = httpx.get(f"{served.edge_url}/v1/{NEW}/roles")
    assert answer.status_code == 200, answer.text
    assert "admin" in [role["name"] for role in answer.json()["roles"]]
    with grpc.insecure_channel(served.grpc_target) as channel:
        rpc = channel.unary_unary(f"/qmcp.{NEW}.v1.{NEW.title()}Service/ListRoles")
        over_grpc = access_service_pb2.ListRolesResponse.FromString(rpc(b"", timeout=60))
        assert "admin" in [role.name for role in over_grpc.roles]
        assert f"qmcp.{NEW}.v1.{NEW.title()}Service" in ProtoReflectionDescriptorDatabase(channel).get_services()
    refused = httpx.post(f"{served.edge_url}/v1/{NEW}/roles", json={"role": {"name": "has blanks"}})
    assert refused.status_code == 400
    assert refused.json()["details"][0]["domain"] == f"{NEW}.qmcp"
    assert f"/v1/{NEW}/roles" in httpx.get(f"{served.edge_url}/openapi.json").json()["paths"]


def test_it_is_watched(served: Stack) -> None:
    assert httpx.get(f"{served.edge_url}/health").json()["status"] == "healthy"
    up = [line for line in httpx.get(f"{served.edge_url}/metrics").text.splitlines() if "qmcp_service_up{" in line]
    assert [line.endswith(" 1.0") for line in up if f'service="{NEW}"' in line] == [True], up
    listeners = json.loads((served.home / "running.json").read_text())["listeners"]
    assert len(listeners[NEW]) == 2


def test_the_contract_suite_takes_it_in(grown: Path) -> None:
    code = "from tests.contract.subjects import SUBJECTS; print(*(subject.name for subject in SUBJECTS))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=grown, env=environment(grown), capture_output=True, text=True, check=True
    )
    assert NEW in done.stdout.split()


def test_compose_and_the_image_have_it(grown: Path) -> None:
    compose = yaml.safe_load((grown / "compose.yaml").read_text())
    assert compose["services"][NEW]["environment"]["QMCP_DATABASE_URL"].endswith(f"/qmcp_{NEW}")
    assert NEW in compose["services"]["qmcp"]["depends_on"]


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_deploys_it(grown: Path, name: str) -> None:
    objects = list(yaml.safe_load_all(render(grown / "k8s" / "overlays" / name)))
    kinds = {each["kind"] for each in objects if each["metadata"]["name"] == NEW}
    assert {"Deployment", "Service", "ServiceAccount"} <= kinds
