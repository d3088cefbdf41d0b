"""Homes of whole systems in memory, where there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import memory


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Where a test puts what it starts: to make a Postgres on a disk costs a core half a second more."""
    with memory.folder(tmp_path) as place:
        yield place
