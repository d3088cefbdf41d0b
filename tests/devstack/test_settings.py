"""Settings come from the environment and from `.env`, and a wrong one is told by its variable."""

from pathlib import Path

import pytest

from devstack import settings
from devstack.errors import CannotRunError
from devstack.services import found
from servicekit.databases import shown


def test_the_defaults_are_one_machine_and_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = settings.read({})
    assert (chosen.host, chosen.port, chosen.home) == ("127.0.0.1", 3333, tmp_path / ".qmcp")


@pytest.mark.promise("Q06", "Q07")
def test_the_environment_goes_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("# ours\nQMCP_PORT=4444\nQMCP_HOST='127.0.0.2'\nexport QMCP_DEBUG=true\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QMCP_PORT", "5555")
    monkeypatch.delenv("QMCP_HOST", raising=False)
    monkeypatch.delenv("QMCP_DEBUG", raising=False)
    chosen = settings.read(settings.environment())
    assert (chosen.host, chosen.port, chosen.debug) == ("127.0.0.2", 5555, True)


def test_an_empty_variable_is_an_unset_one() -> None:
    assert settings.read({"QMCP_PORT": "", "QMCP_HOST": " "}).port == 3333


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"QMCP_PORT": "http"}, "QMCP_PORT"),
        ({"QMCP_PORT": "70000"}, "QMCP_PORT"),
        ({"QMCP_AUTH": "yes"}, "QMCP_AUTH.*'off' or 'on'"),
        ({"QMCP_DATABASE_URL": "sqlite+aiosqlite:///./qmcp.db"}, "QMCP_DATABASE_URL.*Postgres.*embedded"),
    ],
)
def test_a_wrong_setting_is_told_by_its_variable(variables: dict[str, str], told: str) -> None:
    with pytest.raises(CannotRunError, match=told):
        settings.read(variables)


@pytest.mark.promise("Q09")
def test_the_database_address_of_the_original_is_understood() -> None:
    chosen = settings.read({"QMCP_DATABASE_URL": "postgresql+asyncpg://me:secret@db:5433/main?sslmode=require"})
    for service in found():
        url = f"postgresql://me:secret@db:5433/qmcp_{service.name}?sslmode=require"
        assert service.database_url(chosen.database_url) == url
    assert shown(chosen.database_url) == "postgresql://me@db:5433/main?sslmode=require"
