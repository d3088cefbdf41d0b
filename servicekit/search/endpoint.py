"""A model behind an endpoint that speaks OpenAI's protocol."""

from collections.abc import Sequence

import httpx

from servicekit.search.embeddings import MAX_CHARACTERS, normalised
from servicekit.search.errors import SearchAwayError, UnfitTextError
from servicekit.search.settings import SearchSettings

# What says that this text is none, and not that there is no answer now.
UNFIT = {400, 413, 422}


class EndpointEmbedder:
    """Asks for one text at a time; the dimension is what the first answer has."""

    def __init__(self, settings: SearchSettings) -> None:
        self.name = "".join(each if each.isalnum() else "-" for each in settings.embedding_model_name)
        self._model = settings.embedding_model_name
        key = settings.embedding_api_key.get_secret_value()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(timeout=settings.embedding_timeout_seconds, headers=headers)
        self._url = f"{settings.embedding_url.rstrip('/')}/embeddings"
        self._dimension = 0

    async def dimension(self) -> int:
        if not self._dimension:
            try:
                self._dimension = len(await self._asked("How long is a vector?"))
            except UnfitTextError as error:
                raise SearchAwayError(str(error)) from error
        return self._dimension

    async def embed(self, text: str) -> Sequence[float]:
        dimension = await self.dimension()
        return normalised(await self._asked(text[:MAX_CHARACTERS]), dimension)

    async def close(self) -> None:
        await self._client.aclose()

    async def _asked(self, text: str) -> list[float]:
        body = {"model": self._model, "input": [text], "encoding_format": "float"}
        try:
            answer = await self._client.post(self._url, json=body)
            if answer.status_code in UNFIT:
                raise UnfitTextError(f"the endpoint of embeddings refuses it with {answer.status_code}")
            answer.raise_for_status()
            vector = [float(each) for each in answer.json()["data"][0]["embedding"]]
        except httpx.HTTPError as error:
            raise SearchAwayError(f"the endpoint of embeddings: {error or type(error).__name__}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise SearchAwayError("the endpoint of embeddings does not answer as OpenAI's does") from error
        if not vector:
            raise SearchAwayError("the endpoint of embeddings answers with an empty vector")
        return vector
