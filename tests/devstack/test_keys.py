"""The keys of the system itself: made once, for their owner alone, and told when they cannot be."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import keys, processes, settings
from devstack.errors import CannotRunError
from servicekit.identity import credentials


def test_keys_are_made_once_and_preshared_with_their_roles(tmp_path: Path) -> None:
    keys.prepare(tmp_path)
    made = {name: keys.service_file(tmp_path, name).read_text().strip() for name in ("tools", "hitl")}
    assert all(credentials.parse(key) for key in made.values())
    keys.prepare(tmp_path)
    assert {name: keys.service_file(tmp_path, name).read_text().strip() for name in made} == made
    lines = keys.preshared_file(tmp_path).read_text().splitlines()
    assert lines == [f"{made['tools']} tools service,delegate", f"{made['hitl']} hitl service"]


def test_only_their_owner_reads_them_whatever_the_mask(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"umask 000 && exec {sys.executable} -m devstack.keys {tmp_path}/keys tools admin=admin"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["admin", "preshared", "tools"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    lines = [line.split() for line in (tmp_path / "keys" / "preshared").read_text().splitlines()]
    assert [line[1:] for line in lines] == [["tools", "service,delegate"], ["admin", "admin"]]
    assert all(line[0] not in done.stdout + done.stderr for line in lines)


def test_a_file_that_holds_no_key_is_told_without_what_it_holds(tmp_path: Path) -> None:
    keys.prepare(tmp_path)
    keys.service_file(tmp_path, "tools").write_text("half-a-key")
    with pytest.raises(CannotRunError, match="tools holds no key") as told:
        keys.prepare(tmp_path)
    assert "half-a-key" not in str(told.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(CannotRunError, match="cannot be kept"):
        keys.prepare(tmp_path)


@pytest.mark.parametrize("auth", ["off", "on"])
def test_processes_are_told_whether_callers_are_checked(tmp_path: Path, auth: str) -> None:
    chosen = settings.read({"QMCP_HOME": str(tmp_path), "QMCP_AUTH": auth})
    table = {row.name: row for row in processes.table(chosen, "postgresql://h/d")}
    assert {row.environment["QMCP_AUTH"] for row in table.values() if row.name != "web"} == {auth}
    assert ("QMCP_ACCESS_KEY_FILE" in table["tools"].environment) == (auth == "on")
    assert ("QMCP_ACCESS_BOOTSTRAP_KEY_FILE" in table["access"].environment) == (auth == "on")
    assert ("QMCP_ACCESS_KEY_FILE" in table["hitl"].environment) == (auth == "on")
    assert "access" in table["tools"].needs
    assert "access" in table["hitl"].needs


def test_hitl_has_a_database_ports_and_key_files_and_tools_knows_where_it_is(tmp_path: Path) -> None:
    chosen = settings.read({"QMCP_HOME": str(tmp_path), "QMCP_HITL_ADDRESS": "127.0.0.1:6053"})
    table = {row.name: row for row in processes.table(chosen, "postgresql://h/d")}
    hitl = table["hitl"]
    assert hitl.environment["QMCP_DATABASE_URL"] == "postgresql://h/qmcp_hitl"
    assert [port.port for port in hitl.ports] == [6053, 9467]
    assert hitl.environment["QMCP_HITL_SECRETS_KEY_FILE"] == str(tmp_path / "hitl_secrets_key")
    assert hitl.environment["QMCP_HITL_CALLBACK_SECRET_FILE"] == str(tmp_path / "hitl_callback_secret")
    assert table["tools"].environment["QMCP_HITL_ADDRESS"] == "127.0.0.1:6053"
    assert {"hitl"} <= set(table["tools"].needs) & set(table["envoy"].needs)
