"""What pytest makes of the test modules is made once for all processes of a run: each makes its part beforehand.

Else each makes all of it where nothing is kept yet: in a fresh clone, and where PYTHONDONTWRITEBYTECODE is set always.
"""

from pathlib import Path

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).resolve().parent


def make_part(config: pytest.Config, number: int, processes: int) -> None:
    """Rewrites those of every so many modules whose turn is this process's, where they are not kept as they are now."""
    for file in sorted(TESTS.rglob("*.py"))[number::processes]:
        folder = rewrite.get_cache_dir(file)
        kept = folder / f"{file.stem}{rewrite.PYC_TAIL}"
        if rewrite._read_pyc(file, kept) is None and rewrite.try_makedirs(folder):
            digest, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, digest, kept)
