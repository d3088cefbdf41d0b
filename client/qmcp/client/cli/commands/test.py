"""`qmcp test`: runs the project's tests, as the original command did."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli.failures import FAILED, USAGE
from qmcp.client.cli.groups import single

app = single()
_LEFTOVERS = (".pytest_cache", ".hypothesis", ".coverage", "htmlcov")
_CODE = ("services", "servicekit", "gateway", "devstack", "qmcp.client")


@app.command()
def run_tests(
    path: Annotated[Path | None, typer.Argument(help="Only the tests there.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name every test.")] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Show which lines no test runs.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Remove what earlier runs left behind first.")] = False,
) -> None:
    """Run the tests of the source tree that you are in; ends with 1 where one fails."""
    if find_spec("pytest") is None:
        raise ValueError("pytest is not installed; install QMCP with its test extra: pip install -e '.[test]'")
    root = _source_tree()
    if clean:
        _remove_leftovers(root)
    command = [sys.executable, "-m", "pytest"]
    command += ["-v"] if verbose else []
    if coverage:
        if find_spec("pytest_cov") is None:
            raise ValueError("--coverage needs pytest-cov: pip install pytest-cov")
        command += [*(f"--cov={package}" for package in _CODE), "--cov-report=term-missing:skip-covered"]
    command += [str(path.absolute())] if path else []
    code = subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603 - our own interpreter and module
    if code:
        # pytest's own codes above 1 mean that it could not run: interrupted, wrong usage, no tests found.
        raise typer.Exit(FAILED if code == 1 else USAGE)


def _source_tree() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "tests").is_dir():
            return folder
    raise ValueError("there is no source tree of QMCP here; go to the folder that holds pyproject.toml and tests/")


def _remove_leftovers(root: Path) -> None:
    for name in _LEFTOVERS:
        leftover = root / name
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
