"""The contract as a whole: buf finds no fault with it, nothing that was promised is broken, what derives from it is fresh."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api import descriptors

ROOT = descriptors.ROOT
BUF = str(Path(sys.executable).with_name("buf"))
RULES = ["--config", "protos/buf.yaml"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("image") / "now.binpb"
    file.write_bytes(descriptors.image())
    return file


def test_buf_lint_finds_nothing(image: Path) -> None:
    found = _buf("lint", str(image), *RULES)
    assert found.returncode == 0, found.stdout


def test_nothing_that_was_promised_is_broken(image: Path, tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is nothing to compare the contract with")
    bases = [base for base in ("origin/main", "main", "HEAD", "HEAD^") if _has_contract(base)]
    for number, base in enumerate(bases):
        before = _image_of(base, tmp_path / str(number))
        found = _buf("breaking", str(image), "--against", str(before), *RULES)
        assert found.returncode == 0, f"against {base}:\n{found.stdout}"


def test_a_broken_promise_would_be_found(image: Path, tmp_path: Path) -> None:
    """The negative control: a field that changes its name is caught."""
    changed = tmp_path / "changed.binpb"
    changed.write_bytes(descriptors.image().replace(b"correlation_id", b"correlation_no"))
    found = _buf("breaking", str(changed), "--against", str(image), *RULES)
    assert found.returncode != 0
    assert "correlation_id" in found.stdout


def test_the_generated_code_is_that_of_the_protos(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "protos/generate.py", "code", str(tmp_path)], cwd=ROOT, check=True)
    fresh, standing = _contents(tmp_path), _contents(ROOT / "gen")
    assert fresh.keys() == standing.keys(), "run `make protos`"
    assert not [name for name in fresh if fresh[name] != standing[name]], "run `make protos`"


def _buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUF, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _has_contract(revision: str) -> bool:
    asked = ["git", "cat-file", "-e", f"{revision}:protos/generate.py"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0


def _image_of(revision: str, folder: Path) -> Path:
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision, "protos"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    file = folder / "image.binpb"
    descriptors.build(folder / "protos", file)
    return file


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.py*"))
        if "__pycache__" not in path.parts
    }
