"""The keys of the system itself: made once, for their owner alone, and told when they cannot be."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import keys, listeners, ports, processes, services, settings
from devstack.errors import CannotRunError
from servicekit.identity import credentials


def test_keys_are_made_once_and_preshared_with_their_roles(tmp_path: Path) -> None:
    asking = {each.name: each.settings.KEY_ROLES for each in services.found() if each.settings.KEY_ROLES}
    keys.prepare(tmp_path, services.found())
    made = {name: keys.service_file(tmp_path, name).read_text().strip() for name in asking}
    assert all(credentials.parse(key) for key in made.values())
    keys.prepare(tmp_path, services.found())
    assert {name: keys.service_file(tmp_path, name).read_text().strip() for name in made} == made
    lines = (tmp_path / "keys" / "preshared").read_text().splitlines()
    assert lines == [f"{made[name]} {name} {','.join(roles)}" for name, roles in asking.items()]


def test_what_somebody_adds_to_the_preshared_keys_stays_and_an_old_key_of_a_service_goes(tmp_path: Path) -> None:
    keys.prepare(tmp_path, services.found())
    preshared = tmp_path / "keys" / keys.PRESHARED
    old = keys.service_file(tmp_path, "tools").read_text().strip()
    added = f"{credentials.generate()[0]} rescue admin"
    preshared.write_text(f"{preshared.read_text()}# ours\n{added}\n")
    keys.service_file(tmp_path, "tools").unlink()
    keys.prepare(tmp_path, services.found())
    keys.prepare(tmp_path, services.found())
    lines = preshared.read_text().splitlines()
    assert lines[-2:] == ["# ours", added]
    assert len(lines) == len({line.split()[1] for line in lines[:-2]}) + 2
    assert old not in preshared.read_text()


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
    keys.prepare(tmp_path, services.found())
    keys.service_file(tmp_path, "tools").write_text("half-a-key")
    with pytest.raises(CannotRunError, match="tools holds no key") as told:
        keys.prepare(tmp_path, services.found())
    assert "half-a-key" not in str(told.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(CannotRunError, match="cannot be kept"):
        keys.prepare(tmp_path, services.found())


@pytest.mark.parametrize("auth", ["off", "on"])
def test_processes_are_told_whether_callers_are_checked(tmp_path: Path, auth: str) -> None:
    table = rows(tmp_path, QMCP_AUTH=auth)
    assert {row.environment["QMCP_AUTH"] for name, row in table.items() if name != "web"} == {auth}


@pytest.mark.parametrize("service", services.found(), ids=lambda service: service.name)
def test_a_service_gets_its_database_its_key_its_files_and_waits_for_postgres_alone(
    tmp_path: Path, service: services.Service
) -> None:
    row = rows(tmp_path)[service.name]
    assert row.environment["QMCP_DATABASE_URL"] == f"postgresql://h/qmcp_{service.name}"
    key = str(tmp_path / "keys" / service.name) if service.settings.KEY_ROLES else None
    assert row.environment.get("QMCP_ACCESS_KEY_FILE") == key
    for setting, file in service.settings.HOME_FILES.items():
        assert setting in service.settings.model_fields
        assert row.environment[f"QMCP_{setting.upper()}"] == str(tmp_path / file)
    assert row.needs == ("postgres",)


def test_no_two_services_keep_a_file_of_the_same_name() -> None:
    files = [file for service in services.found() for file in service.settings.HOME_FILES.values()]
    assert len(files) == len(set(files))


def rows(home: Path, **variables: str) -> dict[str, processes.Process]:
    chosen = settings.read({"QMCP_HOME": str(home), "QMCP_PORT": str(ports.free()), **variables})
    places = listeners.choose(chosen, services.found(), variables)
    return {row.name: row for row in processes.table(chosen, services.found(), places, "postgresql://h/d")}
