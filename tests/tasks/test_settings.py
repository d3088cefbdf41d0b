"""The original's variables say here what they said there, or were meant to."""

import pytest

from services.tasks.settings import Settings


@pytest.mark.promise("P06")
def test_the_originals_log_level_counts_and_ours_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QMCP_DATABASE_URL", "postgresql://h/d")
    assert Settings().log_level == "INFO"
    monkeypatch.setenv("LOG_LEVEL", "warning")
    assert Settings().log_level == "WARNING"
    monkeypatch.setenv("QMCP_LOG_LEVEL", "ERROR")
    assert Settings().log_level == "ERROR"
