"""`pytest --watch …` runs what it is given again whenever a Python file of the tree changes, until Ctrl-C."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack.reloading import Sources


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--watch", action="store_true", help="run again whenever a Python file changes, until Ctrl-C")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if not config.getoption("watch"):
        return None
    try:
        asyncio.run(_again_and_again([each for each in config.invocation_params.args if each != "--watch"]))
    except KeyboardInterrupt:
        return 0
    return None


async def _again_and_again(arguments: Sequence[str]) -> None:
    """Each time in a process of its own, which imports what has changed."""
    # Not what is hidden: packages are installed there.
    folders = [each for each in Path.cwd().iterdir() if each.is_dir() and not each.name.startswith(".")]
    sources = Sources(folders)
    while True:
        await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "pytest", *arguments], check=False)
        changed = await sources.changed()
        print(f"{changed.relative_to(Path.cwd())} changed.", flush=True)
