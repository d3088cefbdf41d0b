"""What of a call goes on to the servers behind tools: its caller's token, exchanged, and headers that may pass."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from servicekit.request_context import current_context
from services.tools.upstreams.models import may_pass


@dataclass(frozen=True, slots=True)
class CallerToken:
    """The token with which somebody calls, and who that is."""

    principal: str
    text: str = field(repr=False)
    # Unix time at which it ends.
    until: float

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.until - time.time())


def caller_token() -> CallerToken | None:
    """That of the present call; None where its caller came with a key, or nobody calls any more."""
    call = current_context.get(None)
    if call is None or call.principal.until is None or not call.credential:
        return None
    return CallerToken(call.principal.name, call.credential, call.principal.until)


def passed(names: Sequence[str]) -> Mapping[str, str]:
    """The headers of these names that the present call came with; the log has their names, not what they hold."""
    call = current_context.get(None)
    if call is None or not names:
        return {}
    found = {name: value for name in names if may_pass(name) and (value := call.header(name.lower()))}
    if found:
        call.logged["passed_headers"] = sorted(found)
    return found
