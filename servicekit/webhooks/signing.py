"""Signatures by which receivers know that what they are told is ours."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook


def signed_headers(message_id: str, body: bytes, secrets: Iterable[str]) -> Mapping[str, str]:
    """The headers of a JSON message, as Standard Webhooks wants them.

    Args:
        message_id: the same at every try.
        body: what is sent.
        secrets: `whsec_...`, each of which signs: while one is replaced, the old one too.
    """
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body.decode()) for secret in secrets),
    }
