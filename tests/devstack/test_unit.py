"""The unit of systemd starts what `make run` starts, keeps what it keeps where the page says, and systemd takes it."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.settings import StackSettings
from tests.stack import ROOT

UNIT = ROOT / "devstack" / "qmcp.service"
PAGE = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.promise("M03")
def test_the_unit_of_systemd_starts_the_system_again_whenever_it_ends(tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] -- its names have capitals
    unit.read(UNIT)
    service = unit["Service"]
    assert service["ExecStart"].split()[1:] == ["-m", "devstack", "serve"], "as the tests start it"
    assert (service["Restart"], service["RestartSec"]) == ("always", "5")
    assert (service["User"], service["SyslogIdentifier"]) == ("qmcp", "qmcp")
    home = re.findall(r"QMCP_HOME=(\S+)", service["Environment"])
    assert home == [f"/var/lib/{service['StateDirectory']}"]
    named = {name.removeprefix("QMCP_").lower() for name in re.findall(r"(QMCP_\w+)=", service["Environment"])}
    assert named <= set(StackSettings.model_fields)
    for path in (service["EnvironmentFile"].removeprefix("-"), service["WorkingDirectory"]):
        assert path in PAGE
    if shutil.which("systemd-analyze"):
        here = tmp_path / UNIT.name
        here.write_text(UNIT.read_text().replace(service["ExecStart"].split()[0], sys.executable))
        command = ["systemd-analyze", "verify", str(here)]
        done = subprocess.run(
            command, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
