"""The settings of the questioning service; those that every service has stand in servicekit."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from servicekit.search.settings import COLLECTION_NAME, SearchSettings, require_plain_address
from servicekit.settings import LogLevel

# Where each protocol is spoken by those who made it.
USUAL_URLS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}


def _as(original: str) -> AliasChoices:
    """A setting by our name, or by the one that the original's guide gives it."""
    return AliasChoices(f"QMCP_QUESTIONING_{original}", original)


def _upper(value: Any) -> Any:
    """`info` as others write it."""
    return value.upper() if isinstance(value, str) else value


class Settings(SearchSettings):
    """Read from the environment, prefix `QMCP_`; those that the original had also by the names that they had there."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # As all services have them, and by the names that the original had.
    database_url: str = Field(validation_alias=AliasChoices("QMCP_DATABASE_URL", "DATABASE_URL"))
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        default="INFO", validation_alias=AliasChoices("QMCP_LOG_LEVEL", "LOG_LEVEL")
    )
    # Whether Prometheus may scrape this service at all.
    questioning_metrics_enabled: bool = Field(default=True, validation_alias=_as("METRICS_ENABLED"))

    qdrant_url: str = Field(default="", validation_alias=AliasChoices("QMCP_QDRANT_URL", "QDRANT_URL"))
    qdrant_api_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("QMCP_QDRANT_API_KEY", "QDRANT_API_KEY")
    )
    qdrant_collection_name: str = Field(
        default="qmcp",
        pattern=COLLECTION_NAME,
        validation_alias=AliasChoices("QMCP_QDRANT_COLLECTION_NAME", "QDRANT_COLLECTION_NAME"),
    )

    # How much memory goals may take that are kept compiled, megabytes: a step of an interview need not read its schema
    # or its bank again. A goal that takes more is compiled for each step.
    questioning_compiled_megabytes: int = Field(default=128, ge=1)

    # How like an earlier question must be for its answer to be proposed, and for it to be the answer: the cosine of
    # what they mean. The latter also needs the same words in the same order, but for those that say nothing.
    questioning_confirm_similarity: float = Field(default=0.72, ge=0, le=1)
    questioning_prefill_similarity: float = Field(default=0.95, ge=0, le=1)

    # Who asks about a context where the request does not say: topics, the built-in questions, or llm, the model below.
    questioning_engine: Literal["topics", "llm"] = "topics"
    # The protocol that the model's endpoint speaks, the endpoint (empty: of those who made the protocol; it may be in
    # this network or on this machine), the key that it wants, and the model's name there. Without a name there is none.
    questioning_protocol: Literal["openai", "anthropic"] = "openai"
    questioning_openai_base_url: str = Field(default="", validation_alias=_as("OPENAI_BASE_URL"))
    questioning_openai_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_as("OPENAI_API_KEY"))
    questioning_openai_model_name: str = Field(default="", validation_alias=_as("OPENAI_MODEL_NAME"))
    questioning_llm_temperature: float = Field(default=0.7, ge=0, le=2, validation_alias=_as("LLM_TEMPERATURE"))
    # Of one answer of the model, at most.
    questioning_max_tokens: int = Field(default=2_000, ge=1, le=1_000_000, validation_alias=_as("MAX_TOKENS"))
    # Calls of the model that one replica has under way; four times as many wait, and further ones are not made.
    questioning_async_workers: int = Field(default=8, ge=1, le=1_000, validation_alias=_as("ASYNC_WORKERS"))
    # How long a call may wait for the model in all, seconds; and never more than three fifths of the time that its
    # caller gives, so that what stands in for the model still arrives.
    questioning_llm_timeout_seconds: float = Field(default=20, gt=0)

    @field_validator("questioning_openai_base_url")
    @classmethod
    def _models_address(cls, value: str) -> str:
        return require_plain_address(value)

    @property
    def base_url(self) -> str:
        """Where the model is."""
        return self.questioning_openai_base_url or USUAL_URLS[self.questioning_protocol]
