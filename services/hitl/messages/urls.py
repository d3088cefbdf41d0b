"""Addresses that are told of events, as the caller may see them: a path may be the whole credential."""

from servicekit.identity.principal import NOBODY
from servicekit.masking import masked_url
from servicekit.request_context import current_context
from services.hitl.lifecycle.rules import ADMIN


def shown(url: str, giver: str = "") -> str:
    """The URL whole for administrators, and for whoever gave it; for all others, and for other addresses, the server.

    Args:
        url: http or https; or empty.
        giver: the principal that gave it; empty where only administrators may.
    """
    call = current_context.get(None)
    by = NOBODY if call is None else call.principal
    return url if by.may(ADMIN) or (giver != "" and by.name == giver) else masked_url(url)
