"""One endpoint of a language model: asked within a time, again where that may help, a few calls at a time."""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
import structlog
from yarl import URL

from servicekit.masking import Mask
from servicekit.retry_after import seconds_of
from services.questioning.language_model import prompt
from services.questioning.language_model.protocols import PROTOCOLS, Completion, ModelSettings
from services.questioning.models import Spent

logger = structlog.get_logger(__name__)

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
# Of an answer so much is read; what is longer is none.
MAX_ANSWER_BYTES = 1024 * 1024
# For each call that is being answered so many may wait; further ones are not made.
WAITING_PER_WORKER = 4
# Of the time that the caller has left, so that what stands in for the model still reaches it.
CALLERS_SHARE = 0.6
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, 529}


class ModelFailedError(Exception):
    """The model gave nothing that can be used; the reason is one of a few words, and nothing that anybody said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _AgainError(Exception):
    """It may go better next time."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class LanguageModel:
    """Writes questions, if it can."""

    def __init__(self, protocol: str, settings: ModelSettings, timeout_seconds: float, at_a_time: int) -> None:
        """Prepares; nothing is called yet.

        Args:
            protocol: a name in PROTOCOLS.
            settings: which model, and how it is asked.
            timeout_seconds: for all tries of a call together, with what they wait for their turn.
            at_a_time: calls of this process that are being answered at most.
        """
        self._protocol = PROTOCOLS[protocol]
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._turns = asyncio.Semaphore(at_a_time)
        self._room = at_a_time * (1 + WAITING_PER_WORKER)
        self._url = URL(settings.base_url.rstrip("/") + self._protocol.path)
        self._mask = Mask([settings.api_key])
        # Which of the protocol's bodies the endpoint takes, as far as it has been seen.
        self._way = 0
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The model's, as the endpoint knows it."""
        return self._settings.model

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def write(
        self, briefing: prompt.Briefing, before: Sequence[str], spent: Spent, ends_at: float | None = None
    ) -> prompt.Output:
        """Questions by a model. When the caller goes, so does the call.

        Args:
            briefing: what the model is to know.
            before: the questions that were put already.
            spent: to which is added what this costs.
            ends_at: when the caller goes, on the loop's clock; None: nobody knows.

        Raises:
            ModelFailedError: `busy`, `timeout`, `unreachable`, `rate_limited`, `error_<status>`, `malformed`,
                `refused` or `truncated`.
        """
        if self._room <= 0:
            raise ModelFailedError("busy")
        self._room -= 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._within(ends_at)) as limit, self._turns:
                return await self._tried(briefing, before, spent, limit)
        except TimeoutError:
            raise ModelFailedError("timeout") from None
        finally:
            self._room += 1
            spent.seconds += time.monotonic() - started

    def _within(self, ends_at: float | None) -> float:
        """How long a call may take, seconds."""
        if ends_at is None:
            return self._timeout_seconds
        return min(self._timeout_seconds, CALLERS_SHARE * max(0.0, ends_at - asyncio.get_running_loop().time()))

    async def _tried(
        self, briefing: prompt.Briefing, before: Sequence[str], spent: Spent, limit: asyncio.Timeout
    ) -> prompt.Output:
        said, pause, left = prompt.told(briefing), FIRST_PAUSE_SECONDS, ATTEMPTS
        while True:
            try:
                completion = await self._completion(said)
                spent.input_tokens += completion.input_tokens
                spent.output_tokens += completion.output_tokens
                return self._taken(completion, briefing.count, before)
            except _AgainError as error:
                left -= 1
                after = max(pause, error.after)
                within = (limit.when() or 0.0) - asyncio.get_running_loop().time()
                if not left or after >= within:
                    raise ModelFailedError(error.reason) from None
                logger.info("language_model_retried", reason=error.reason, after_seconds=round(after, 3))
            await asyncio.sleep(after)
            pause *= 2

    def _taken(self, completion: Completion, count: int, before: Sequence[str]) -> prompt.Output:
        if completion.unusable:
            # It would say the same again.
            raise ModelFailedError(completion.unusable)
        if self._mask.text(completion.text) != completion.text:
            # An endpoint that repeats our own key shows it to nobody.
            raise ModelFailedError("malformed")
        try:
            return prompt.read(completion.text, count, before)
        except prompt.UnfitOutputError:
            raise _AgainError("malformed") from None

    async def _completion(self, said: str) -> Completion:
        """What the endpoint answers, asked in the first way that it understands."""
        for way, body in enumerate(self._protocol.bodies[self._way :], start=self._way):
            status, answer, retry_after = await self._posted(body(self._settings, said))
            if status == HTTPStatus.OK:
                self._way = way
            if status != HTTPStatus.BAD_REQUEST:
                break
        if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = "rate_limited" if status == HTTPStatus.TOO_MANY_REQUESTS else f"error_{status}"
            raise _AgainError(reason, retry_after)
        if status != HTTPStatus.OK:
            # The key, the model's name, the address: whoever runs the service has to look.
            logger.warning("language_model_refuses", status=status)
            raise ModelFailedError(f"error_{status}")
        try:
            return self._protocol.completion(orjson.loads(answer))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise _AgainError("malformed") from None

    async def _posted(self, body: dict[str, Any]) -> tuple[int, bytes, float]:
        """Status, body and Retry-After of one answer."""
        headers = {"Content-Type": "application/json", **self._protocol.headers(self._settings)}
        try:
            # What a redirect leads to would be sent the key.
            async with self._client().post(
                self._url, data=orjson.dumps(body), headers=headers, allow_redirects=False
            ) as response:
                answer = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    answer += chunk
                    if len(answer) > MAX_ANSWER_BYTES:
                        response.close()
                        raise _AgainError("malformed")
                return response.status, bytes(answer), seconds_of(response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            # Its words may name the address, and with it what is secret in it.
            logger.info("language_model_unreachable", error=type(error).__name__)
            raise _AgainError("unreachable") from None

    def _client(self) -> aiohttp.ClientSession:
        # Made on first use: it must be made within the loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, connect=10),
                cookie_jar=aiohttp.DummyCookieJar(),
                # What is packed is bounded when it comes, and not once it is unpacked.
                auto_decompress=False,
                headers={"User-Agent": "qmcp-questioning", "Accept-Encoding": "identity"},
            )
        return self._session
