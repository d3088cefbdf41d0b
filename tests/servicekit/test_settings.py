"""Settings: what may be served to whom, and clear words on what is wrong."""

import pytest

from servicekit.settings import ServiceSettings, is_loopback


def settings(**values):
    return ServiceSettings(database_url="postgresql://nowhere", **values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_served_without_keys(host):
    assert is_loopback(host)
    settings(grpc_host=host).require_guarded()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com"])
def test_strangers_are_not_served_without_keys_unless_told_explicitly(host):
    with pytest.raises(SystemExit, match="QMCP_ALLOW_KEYLESS"):
        settings(grpc_host=host).require_guarded()
    settings(grpc_host=host, allow_keyless=True).require_guarded()


def test_every_variable_has_the_prefix(monkeypatch):
    monkeypatch.setenv("QMCP_GRPC_PORT", "1234")
    assert settings().grpc_port == 1234
    assert settings(grpc_host="::1").grpc_address == "[::1]:1234"
