"""Settings have the names that the original's guide gives them, and each does what it says."""

from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from services.questioning.settings import Settings
from tests.questioning.service import replica
from tests.stack import Server

URL = "postgresql://127.0.0.1/qmcp_questioning"
BY_THE_ORIGINALS_NAMES: dict[str, tuple[str, str, Any]] = {
    "LOG_LEVEL": ("warning", "log_level", "WARNING"),
    "METRICS_ENABLED": ("false", "questioning_metrics_enabled", False),
    "OPENAI_BASE_URL": ("http://127.0.0.1:11434/v1", "questioning_openai_base_url", "http://127.0.0.1:11434/v1"),
    "OPENAI_MODEL_NAME": ("gpt-x", "questioning_openai_model_name", "gpt-x"),
    "LLM_TEMPERATURE": ("0", "questioning_llm_temperature", 0.0),
    "MAX_TOKENS": ("99", "questioning_max_tokens", 99),
    "ASYNC_WORKERS": ("3", "questioning_async_workers", 3),
}


@pytest.mark.promise("S12", "S13", "S14", "S15")
@pytest.mark.parametrize("name", BY_THE_ORIGINALS_NAMES)
def test_a_variable_of_the_original_sets_what_its_guide_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, field, wanted = BY_THE_ORIGINALS_NAMES[name]
    monkeypatch.setenv("DATABASE_URL", URL)
    default = getattr(Settings(), field)
    monkeypatch.setenv(name, given)
    read = Settings()
    assert getattr(read, field) == wanted != default
    assert read.database_url == URL
    # Ours counts before it.
    monkeypatch.setenv("QMCP_DATABASE_URL", f"{URL}_ours")
    assert Settings().database_url == f"{URL}_ours"


def test_the_key_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    read = Settings()
    assert read.questioning_openai_api_key.get_secret_value() == "sk-canary"
    assert "sk-canary" not in f"{read!r} {read.model_dump()}"


@pytest.mark.parametrize("address", ["ftp://x", "model:11434", "http://user:secret@x", "http://x/?key=1", "http://"])
def test_an_address_that_is_none_or_holds_a_secret_is_refused_at_the_start(address: str) -> None:
    for setting in ("questioning_openai_base_url", "qdrant_url", "embedding_url"):
        given: dict[str, Any] = {setting: address}
        with pytest.raises(ValidationError, match=setting):
            Settings(database_url=URL, **given)


@pytest.mark.promise("S13")
async def test_without_metrics_nothing_answers_where_they_would_be(postgres: Server) -> None:
    async with postgres.database("questioning") as url, replica(url, questioning_metrics_enabled=False) as silent:
        assert (await silent.call("GenerateQuestions", context="x"))["questions"]
        with pytest.raises(aiohttp.ClientConnectorError):
            await silent.metrics()
