"""Calls that are open, by their credentials: they end when the credential does, or when it grants them no more.

A stream may last for days, and what was known of its caller when it began says nothing of now. Once a second, and at
once when access tells of a change, each credential that has calls open is looked at: for nothing while its answer is
remembered, else by one question to access, however many calls it has.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from grpc import StatusCode

from servicekit.errors import ServiceError, permission_denied, unauthenticated, unavailable
from servicekit.identity.credentials import ApiKey
from servicekit.identity.principal import Principal
from servicekit.methods import CallKind
from servicekit.request_context import RequestContext

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
# Of a change that may concern everybody, so many are asked for together.
ASKED_AT_ONCE = 32
ENDED = "The credential has ended while the call was open: it expired, or was disabled or revoked."
NARROWED = "What you may do has changed since this began, and what it shows may be less. Call again."

# A key, or the text of a token.
Credential = ApiKey | str


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of a credential."""

    principal: Principal
    # Unix time; None: does not end by itself.
    valid_until: float | None
    # When access was last asked, on the monotonic clock.
    checked_at: float


class Callers(Protocol):
    """Who knows the callers."""

    def remembered(self, credential: Credential) -> tuple[Caller, bool] | None:
        """What is remembered of a credential, and whether that counts without asking anew."""

    async def ask(self, credential: Credential) -> Caller:
        """What access says now.

        Raises:
            ServiceError: UNAUTHENTICATED where it is not valid, UNAVAILABLE where that cannot be known.
        """


@dataclass(eq=False, slots=True)
class _OpenCall:
    call: RequestContext
    task: "asyncio.Task[Any]"

    def hold_to(self, principal: Principal) -> None:
        """Ends it where its caller may not, or may see less than when it began."""
        method, before = self.call.method, self.call.principal
        if not (principal.may(method.permission) and self.call.is_for(principal)):
            self.end(permission_denied(method.permission))
        elif method.call_kind is not CallKind.LONG and not _at_least(principal, before):
            # What it shows was chosen by what its caller could see then.
            self.end(unavailable(NARROWED))

    def end(self, error: ServiceError) -> None:
        if self.call.ended is None:
            self.call.ended = error
            self.task.cancel()


@dataclass(slots=True)
class _Open:
    """The calls of one credential."""

    caller: Caller
    calls: set[_OpenCall] = field(default_factory=set)

    def hold_to(self, caller: Caller) -> None:
        self.caller = caller
        if caller.valid_until is not None and caller.valid_until <= time.time():
            self.end(unauthenticated(ENDED))
        else:
            for each in self.calls:
                each.hold_to(caller.principal)

    def end(self, error: ServiceError) -> None:
        for each in self.calls:
            each.end(error)


class OpenCalls:
    """All of this process."""

    def __init__(self, callers: Callers, stale_seconds: float) -> None:
        self._callers = callers
        self._stale_seconds = stale_seconds
        self._open: dict[Credential, _Open] = {}
        self._asking: dict[Credential, asyncio.Task[None]] = {}
        self._questions = asyncio.Semaphore(ASKED_AT_ONCE)
        self._changed = asyncio.Event()
        # Counts what was told: an answer that was asked for before says nothing of it.
        self._changes = 0

    @contextmanager
    def opened(self, credential: Credential, call: RequestContext) -> Iterator[None]:
        """Runs the block as long as the credential grants the call.

        Raises:
            ServiceError: UNAUTHENTICATED, PERMISSION_DENIED, or UNAVAILABLE where too long nobody could be asked.
        """
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        known = self._callers.remembered(credential)
        # Pushed out of memory in this very moment, it is asked for at the next look.
        caller = known[0] if known else Caller(call.principal, None, time.monotonic())
        of_credential = self._open.setdefault(credential, _Open(caller))
        mine = _OpenCall(call, task)
        of_credential.calls.add(mine)
        try:
            yield
        finally:
            of_credential.calls.discard(mine)
            if not of_credential.calls:
                del self._open[credential]
            # As asyncio.timeout has it: where somebody else cancels too, the cancellation goes on.
            if call.ended is not None and task.uncancel() <= cancelled_before:
                raise call.ended

    def tell(self) -> None:
        """Something has changed."""
        self._changes += 1
        self._changed.set()

    async def follow(self) -> None:
        """Looks at all of them, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            self.look()

    def look(self) -> None:
        """Holds them to what is remembered, and asks about those of whom nothing is that counts."""
        for credential, of_credential in list(self._open.items()):
            known = self._callers.remembered(credential)
            of_credential.hold_to(known[0] if known else of_credential.caller)
            if (known is None or not known[1]) and credential not in self._asking:
                self._asking[credential] = asyncio.create_task(self._ask(credential), name="open calls")

    @property
    def is_asking(self) -> bool:
        """Whether a question is open."""
        return bool(self._asking)

    async def _ask(self, credential: Credential) -> None:
        """Asks access, and ends the calls where it says so, or has said nothing for too long."""
        changes = self._changes
        try:
            async with self._questions:
                caller = await self._callers.ask(credential)
        except ServiceError as error:
            of_credential = self._open.get(credential)
            if of_credential is not None:
                silent = time.monotonic() - of_credential.caller.checked_at
                if error.code is not StatusCode.UNAVAILABLE:
                    of_credential.end(unauthenticated(ENDED))
                elif silent >= self._stale_seconds:
                    of_credential.end(error)
        except Exception:
            logger.exception("open_calls_not_checked")
        else:
            of_credential = self._open.get(credential)
            if of_credential is not None:
                of_credential.hold_to(caller)
        finally:
            del self._asking[credential]
            if changes != self._changes:
                self._changed.set()


def _at_least(principal: Principal, before: Principal) -> bool:
    return (
        principal.name == before.name
        and principal.permissions >= before.permissions
        and principal.roles >= before.roles
        and all(
            principal.may(permission) and ((now := principal.reach(permission)) is None or reach.within(now))
            for permission, reach in before.narrowed.items()
        )
    )
