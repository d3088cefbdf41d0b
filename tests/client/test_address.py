"""Where the client finds QMCP: what it is told, else the environment, else this machine."""

import pytest
from qmcp.client.address import resolve


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QMCP_URL", "QMCP_HOST", "QMCP_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_it_is_the_laptop() -> None:
    assert resolve().url == "http://127.0.0.1:3333"


@pytest.mark.promise("Q06", "Q07")
def test_host_and_port_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QMCP_HOST", "0.0.0.0")
    monkeypatch.setenv("QMCP_PORT", "4444")
    assert resolve().target == "127.0.0.1:4444"


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QMCP_URL", "http://there:1")
    assert resolve().target == "there:1"
    assert resolve("https://here").url == "https://here:443"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:50051", "http://localhost:50051"),
        ("http://host/", "http://host:80"),
        ("[::1]:3333", "http://[::1]:3333"),
        ("host", "http://host:3333"),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, url: str) -> None:
    assert resolve(text).url == url


@pytest.mark.parametrize("text", ["ftp://host", "http://", "http://host:99999", "http://host/path", "http://u:p@host"])
def test_what_is_no_address_is_refused_with_the_form_it_has(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        resolve(text)
