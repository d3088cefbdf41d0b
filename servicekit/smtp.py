"""Mail: where the operator's server is, what an address is, and one mail sent."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from ssl import create_default_context
from urllib.parse import unquote, urlsplit

import aiosmtplib

from servicekit.webhooks.delivery_result import DeliveryResult

PORTS = {"smtp": 587, "smtps": 465}
# SMTP takes no longer address (RFC 5321, 4.5.3.1).
MAX_LENGTH = 254
# From here on a reply says that trying again is of no use (RFC 5321, 4.2.1).
PERMANENT = 500
MAX_ERROR_LENGTH = 500
# As long as a line may be (RFC 5322, 2.1.1). Folded at 78, an address that is longer becomes an encoded word, and then
# nobody can follow it.
UNFOLDED = SMTP.clone(max_line_length=998)


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server, and who we are to it."""

    host: str
    port: int
    user: str | None
    password: str | None
    # From the first byte, as of `smtps`.
    tls: bool


def server_of(url: str) -> MailServer:
    """The server that a URL names: smtp://user:password@host:port, or smtps://.

    Raises:
        ValueError: the URL is of another kind.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be smtp://host:port or smtps://host:port, with user:password@ where one is needed")
    return MailServer(
        parts.hostname,
        parts.port or PORTS[parts.scheme],
        unquote(parts.username or "") or None,
        unquote(parts.password or "") or None,
        parts.scheme == "smtps",
    )


def is_mail_address(text: str) -> bool:
    """Whether a text is an address that every server takes: name@domain in ASCII."""
    try:
        parsed = Address(addr_spec=text)
    except (ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain) and len(text) <= MAX_LENGTH and text.isascii()


class Mailer:
    """One connection a mail: they are few, and a server may end one that is kept."""

    def __init__(self, server: MailServer, sender: str, timeout_seconds: float) -> None:
        """Takes the server, who mails come from (as of a header `From`), and how long one may take."""
        self.sender = sender
        self._server = server
        self._timeout_seconds = timeout_seconds
        # Reads all authorities that the machine trusts, which takes long enough to be done once.
        self._trusted = create_default_context()

    async def send(self, message: EmailMessage) -> DeliveryResult:
        """Sends once; whatever goes wrong is in the result."""
        # Never a password in clear; without one, encrypted where the server offers it.
        server = self._server
        start_tls = not server.tls if server.tls or server.user else None
        try:
            await aiosmtplib.send(
                message.as_bytes(policy=UNFOLDED),
                sender=parseaddr(message["From"])[1],
                recipients=[message["To"]],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls,
                start_tls=start_tls,
                tls_context=self._trusted,
                timeout=self._timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            # Of one recipient there is one reply.
            return _refused(error.recipients[0].code, error.recipients[0].message)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return DeliveryResult(0, f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH])
        return DeliveryResult(250)


def _refused(code: int, said: str) -> DeliveryResult:
    return DeliveryResult(
        code, f"The mail server answered {code} {said}"[:MAX_ERROR_LENGTH], is_final=code >= PERMANENT
    )
