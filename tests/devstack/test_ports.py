"""Free ports: each is given to one process, before anybody listens on it."""

import subprocess
import sys

import pytest

from devstack import ports
from tests.stack import ROOT

DRAWS = "from devstack import ports; print(ports.free(), flush=True); input()"


def test_a_port_that_a_process_was_given_is_no_other_ones_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DRAWS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        drawn = int(other.stdout.readline())
        another = ports.free()
        monkeypatch.setattr(ports, "_UNTRIED", iter([drawn, another]))
        assert ports.free() == another
        other.stdin.write("\n")
    monkeypatch.setattr(ports, "_UNTRIED", iter([drawn]))
    assert ports.free() == drawn
