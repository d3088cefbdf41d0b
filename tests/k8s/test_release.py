"""A tag becomes an image, a release and what production runs: .ci/release with kustomize, and recorders for the rest."""

import base64
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.k8s.render import ROOT, renderers
from tests.version import VERSION

REGISTRY = "images.example.com/ours"
DIGEST = f"{REGISTRY}/qmcp@sha256:{'ab' * 32}"
SECRETS = {
    "REGISTRY_PASSWORD": "a password",
    "KUBECONFIG_PROD": base64.b64encode(b"who may").decode(),
    "GITHUB_TOKEN": "t",
}
RECORDER = f"""#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$RECORD"
case "$*" in
  inspect*) echo {DIGEST} ;;
  login*) cat >> "$RECORD.stdin" ;;
  "apply -k "*) kustomize build "$3" > "$RECORD.applied"; cat "$KUBECONFIG" > "$RECORD.kubeconfig" ;;
  *"rollout status"*) exit "${{ROLLED_OUT:-0}}" ;;
esac
"""


def _release(folder: Path, tag: str, **variables: str) -> tuple[int, str, list[str]]:
    """Its status, what it said, and the commands that it gave."""
    tree, programs = folder / "tree", folder / "bin"
    programs.mkdir(parents=True)
    for name in ("docker", "gh", "kubectl"):
        (programs / name).write_text(RECORDER)
        (programs / name).chmod(0o755)
    (tree / ".ci").mkdir(parents=True)
    for name in (".ci/release", "pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tree / name)
    shutil.copytree(ROOT / "k8s", tree / "k8s")
    kustomize = Path(renderers()["kustomize"][0])
    env = {
        "PATH": f"{programs}{os.pathsep}{kustomize.parent}{os.pathsep}{os.environ['PATH']}",
        "RECORD": str(folder / "record"),
        "REGISTRY": REGISTRY,
        "REGISTRY_USER": "us",
        **SECRETS,
        **variables,
    }
    command = [str(tree / ".ci" / "release"), tag]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    record = folder / "record"
    return done.returncode, done.stdout + done.stderr, record.read_text().splitlines() if record.exists() else []


@pytest.mark.promise("S02", "S03")
def test_a_tag_becomes_an_image_a_release_and_what_production_runs(renderer: str, tmp_path: Path) -> None:
    assert renderer
    status, said, commands = _release(tmp_path, f"v{VERSION}")
    assert status == 0, said
    # One that was given out has notes, and they may have many lines.
    given = [line for line in commands if line.partition(" ")[0] in ("docker", "gh", "kubectl")]
    assert [shlex.split(line.partition(" --notes")[0])[:3] for line in given] == [
        ["docker", "login", "--username"],
        ["docker", "build", "--tag"],
        ["docker", "push", "--quiet"],
        ["docker", "inspect", "--format"],
        ["gh", "release", "create"],
        ["kubectl", "apply", "-k"],
        ["kubectl", "-n", "qmcp"],
    ]
    assert (tmp_path / "record.stdin").read_text().strip() == SECRETS["REGISTRY_PASSWORD"]
    assert (tmp_path / "record.kubeconfig").read_text() == "who may"
    applied = (tmp_path / "record.applied").read_text()
    assert f"image: {DIGEST}" in applied
    assert "registry.example.com" not in applied
    assert not any(
        secret in said or secret in line for secret in SECRETS.values() for line in commands if len(secret) > 1
    )


def test_a_tag_that_is_no_version_and_a_roll_out_that_fails_fail_it(renderer: str, tmp_path: Path) -> None:
    assert renderer
    status, said, commands = _release(tmp_path / "other", "v99.0.0")
    assert (status, commands) == (1, [])
    assert "not the version" in said
    status, _, commands = _release(tmp_path / "stuck", f"v{VERSION}", ROLLED_OUT="1")
    assert status == 1
    assert "rollout status" in commands[-1]


def test_the_pipeline_checks_first_and_gives_the_script_what_it_needs() -> None:
    pipeline = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    check, release = pipeline["jobs"]["check"], pipeline["jobs"]["release"]
    assert check["steps"][-1]["run"] == ".ci/run"
    assert release["needs"] == "check"
    assert release["steps"][-1]["run"].startswith(".ci/release ")
    assert set(release["env"]) == {*SECRETS, "REGISTRY", "REGISTRY_USER"}
    assert all(f"secrets.{name}" in release["env"][name] for name in SECRETS)
