"""One connection to an MCP server: kept up, listed again when it changes, used by all calls of a replica."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Any, Protocol

import mcp_types as types
import structlog
from mcp.client.client import Client
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.exceptions import MCPError
from pydantic import RootModel, TypeAdapter, ValidationError

from servicekit.errors import ServiceError
from servicekit.masking import Mask
from servicekit.notifications import wait_for
from servicekit.ssrf import AddressNotAllowedError
from services.tools.catalogue.http_tools import NoAnswerError, UpstreamError
from services.tools.catalogue.plugins import ToolContext
from services.tools.mcp_servers import wire
from services.tools.mcp_servers.content import output_of
from services.tools.mcp_servers.models import McpServer, State
from services.tools.models import Json, McpSource, Output

logger = structlog.get_logger(__name__)

CONNECT_SECONDS = 15.0
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0
# A connection that held so long has proved itself: what ends it then is tried again at once.
STEADY_SECONDS = 30.0
# A server may announce changes faster than anybody can list them.
MIN_REFRESH_SECONDS = 0.5
MAX_PAGES = 20
MAX_LISTED = 500
MAX_REASON = 500
CLIENT = types.Implementation(name="qmcp", version="1")


class Answer(RootModel[dict[str, Any]]):
    """A result as it stands on the wire; the SDK has checked it, and would leave out what it does not know."""


ANSWER = TypeAdapter(Answer)


class Link(Protocol):
    """What carries one connection, and what is known below it."""

    def transport(self, on_end: Callable[[], None]) -> AbstractAsyncContextManager[Any]:
        """Streams for the SDK; `on_end` is called where it ends by itself."""

    @property
    def told(self) -> str:
        """What the other side said of itself, for whoever asks why it is gone."""


class Connection:
    """To one server, in the form in which it is registered."""

    def __init__(
        self,
        server: McpServer,
        open_link: Callable[[], Link],
        mask: Callable[[], Mask],
        changed: Callable[[], None],
        refresh_seconds: float,
    ) -> None:
        """Opens nothing before it runs.

        Args:
            server: which.
            open_link: a new link each time.
            mask: takes secrets out of what the server says.
            changed: called when its state or its list is another.
            refresh_seconds: how long a list counts that nothing is heard about.
        """
        self.server = server
        self.state: State = "connecting"
        self.since = datetime.now(UTC)
        self.why = ""
        # What it lists; None where nothing new was listed since somebody took it.
        self.listed: Sequence[types.Tool] | None = None
        self._open_link = open_link
        self._mask = mask
        self._changed = changed
        self._refresh_seconds = refresh_seconds
        self._client: Client | None = None
        self._wake = asyncio.Event()
        self._ended = False
        self._tried = asyncio.Event()
        self._in_flight = 0

    async def run(self) -> None:
        """Keeps it up, for ever."""
        task = asyncio.current_task()
        pause = MIN_PAUSE_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            link: Link | None = None
            try:
                link = self._open_link()
                await self._connected(link)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's server does, it is down and no more
                self._down(_why(error), link.told if link else "")
            finally:
                self._client = None
            if task is not None and task.cancelling():
                # What is cancelled while it connects may come out of the SDK as another error, or as none.
                raise asyncio.CancelledError
            steady = asyncio.get_running_loop().time() - began > STEADY_SECONDS
            pause = MIN_PAUSE_SECONDS if steady else min(2 * pause, MAX_PAUSE_SECONDS)
            await wait_for(self._wake, pause)
            self._wake.clear()

    async def refreshed(self) -> None:
        """Lists again now, or connects; returns when that has succeeded or failed."""
        self._tried.clear()
        self._wake.set()
        await self._tried.wait()

    async def call(
        self, source: McpSource, arguments: dict[str, Json], context: ToolContext, meta: Mapping[str, str]
    ) -> Output:
        """Runs a tool: one request, never sent again.

        Raises:
            UpstreamError: it was not sent, or not answered, or the answer says that it failed.
            AddressNotAllowedError: the server is at an address that is not allowed.
        """
        client = await self._ready(source)
        request = types.CallToolRequest(
            params=types.CallToolRequestParams.model_validate(
                {"name": source.tool, "arguments": arguments, "_meta": dict(meta)}
            )
        )

        async def report(progress: float, total: float | None, message: str | None) -> None:
            await context.report(progress, total, message or "")

        self._in_flight += 1
        try:
            # Not call_tool, which judges results and lists again; the client's own sends some calls twice.
            answer = await client.session.send_request(request, ANSWER, progress_callback=report)
        except MCPError as error:
            return self._answered(error)
        except ValidationError as error:
            why = f"The tool ran. Its answer is none of the protocol: {error.error_count()} faults"
            return Output(None, "OUTPUT_INVALID", why)
        finally:
            self._in_flight -= 1
        return output_of(answer.root)

    async def _ready(self, source: McpSource) -> Client:
        if source.digest != self.server.digest:
            raise UpstreamError(f"{self._named} is being connected in another form. Nothing was sent.")
        while self.state == "connecting" and not self._tried.is_set():
            await self._tried.wait()
        if self._client is None or self.state != "available":
            raise UpstreamError(f"{self._named} is not available: {self.why} Nothing was sent.")
        return self._client

    def _answered(self, error: MCPError) -> Output:
        """What an error of the SDK means for the call: an answer that came all the same, or why there is none."""
        data, why = error.error.data, error.error.message
        match wire.kind_of(data):
            case wire.TOO_LARGE:
                return Output(None, "OUTPUT_TOO_LARGE", f"The tool ran. {why} It was not kept.")
            case wire.UNREADABLE:
                told = f"The tool ran. Its answer cannot be carried as JSON, so the result is its text: {why}"
                return Output(data[wire.TEXT], "OUTPUT_NOT_JSON", told)
            case wire.ADDRESS:
                raise AddressNotAllowedError(why)
            case wire.UNSENT:
                self._wake.set()
                raise UpstreamError(f"{self._named} cannot be reached: {why} Nothing was sent.")
            case wire.SESSION_ENDED:
                self._wake.set()
                raise UpstreamError(f"{self._named} had ended the session, so nothing was run. Try again.")
            case wire.REFUSED:
                raise UpstreamError(f"{self._named} refused: {why}")
            case wire.UNANSWERED:
                self._wake.set()
        if wire.kind_of(data) or error.error.code == types.CONNECTION_CLOSED:
            raise NoAnswerError(f"{self._named} closed without an answer; it may have been done: {why}")
        raise UpstreamError(f"{self._named} answered error {error.error.code}: {why}")

    @property
    def _named(self) -> str:
        return f"The MCP server {self.server.name}"

    async def _connected(self, link: Link) -> None:
        """Connects, and returns when it is to be connected anew."""
        self._ended = False
        async with asyncio.timeout(CONNECT_SECONDS) as limit:
            transport = link.transport(self._end)
            async with Client(transport, cache=None, client_info=CLIENT, message_handler=self._heard) as client:
                await self._list(client)
                self._client = client
                limit.reschedule(None)
                watch = asyncio.create_task(self._watch(client))
                try:
                    await self._attend(client)
                finally:
                    watch.cancel()

    async def _attend(self, client: Client) -> None:
        while True:
            await wait_for(self._wake, self._refresh_seconds if self.state == "available" else MAX_PAUSE_SECONDS)
            self._wake.clear()
            if self._ended:
                raise ConnectionError("its connection ended.")
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._list(client)
            except Exception as error:
                self._down(_why(error), "")
                if not self._in_flight or _session_is_over(error):
                    raise
            await asyncio.sleep(MIN_REFRESH_SECONDS)

    async def _list(self, client: Client) -> None:
        tools: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None or len(tools) > MAX_LISTED:
                break
        self.listed = tools[:MAX_LISTED]
        self._stands("available", "")
        self._tried.set()
        self._changed()

    async def _watch(self, client: Client) -> None:
        """Hears of changes where the protocol is the one of 2026; before it they come by themselves."""
        with suppress(MCPError, ListenNotSupportedError, TimeoutError):
            while True:
                with suppress(SubscriptionLost):
                    async with client.listen(tools_list_changed=True) as events:
                        async for _ in events:
                            self._wake.set()
                await asyncio.sleep(MAX_PAUSE_SECONDS)

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._wake.set()

    def _end(self) -> None:
        self._ended = True
        self._wake.set()

    def _down(self, why: str, told: str) -> None:
        told = f" {told}" if told else ""
        self._stands("unavailable", self._mask().text(f"{why}{told}")[:MAX_REASON])
        self._tried.set()

    def _stands(self, state: State, reason: str) -> None:
        if (state, reason) != (self.state, self.why):
            if state != self.state:
                self.since = datetime.now(UTC)
                logger.info("mcp_server", server=self.server.name, state=state)
            self.state, self.why = state, reason
            self._changed()


def _session_is_over(error: BaseException) -> bool:
    return isinstance(error, MCPError) and wire.kind_of(error.error.data) == wire.SESSION_ENDED


def _why(error: BaseException) -> str:
    """A sentence; of several that came together, of the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case TimeoutError():
            return f"It did not answer within {CONNECT_SECONDS:.0f} s."
        case MCPError():
            return error.error.message
        case ServiceError():
            return error.message
        case ValidationError():
            return f"What it says is not of the protocol ({error.error_count()} faults)."
    return f"{type(error).__name__}: {error}"
