"""The settings of a service that finds texts by meaning."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator
from yarl import URL

from servicekit.settings import ServiceSettings

COLLECTION_NAME = r"^[A-Za-z0-9_-]{1,64}$"


class SearchSettings(ServiceSettings):
    """Where the index of meanings is, and by what model texts are understood."""

    HOME_FOLDERS: ClassVar[Mapping[str, str]] = {"qdrant_folder": "qdrant"}

    # A Qdrant server, `http://qdrant:6333`, and its API key. Empty: the engine in this process, where it has a folder.
    qdrant_url: str = ""
    qdrant_api_key: SecretStr = SecretStr("")
    # What the names of collections begin with; the service, the model and its dimension follow.
    qdrant_collection_name: str = Field(default="qmcp", pattern=COLLECTION_NAME)
    # Where the engine in this process keeps its files; for one replica. Neither this nor a server: nothing is found by
    # meaning.
    qdrant_folder: Path | None = None
    # How long a Qdrant server may take, seconds.
    qdrant_timeout_seconds: float = Field(default=5, gt=0)

    # By what texts are understood without a network. auto: the best that is installed, `minilm` (384 dimensions), else
    # `universal` (512), else words alone; `words`: words alone.
    embedding_model: Literal["auto", "minilm", "universal", "words"] = "auto"
    # An endpoint that speaks OpenAI's protocol, `https://api.openai.com/v1`, its key, and the model to ask it for. With
    # it, and not by the above, texts are understood.
    embedding_url: str = ""
    embedding_api_key: SecretStr = SecretStr("")
    embedding_model_name: str = "text-embedding-3-small"
    # How long one answer of it may take, seconds.
    embedding_timeout_seconds: float = Field(default=10, gt=0)

    @field_validator("qdrant_url", "embedding_url")
    @classmethod
    def _address(cls, value: str) -> str:
        # What fails there is told with its address: to readers of the service, in its log, in its tables.
        return require_plain_address(value)


def require_plain_address(value: str) -> str:
    """An address that holds no secret; empty where there is none.

    Raises:
        ValueError: it has a user or a query, or is none.
    """
    url = URL(value)
    if value and (url.scheme not in {"http", "https"} or not url.host or url.user or url.query or url.fragment):
        raise ValueError("must be http(s)://host[:port][/path], without a user and a query")
    return value
