"""A mail with questions: text and HTML, and how not to get any more."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from uuid import UUID

import jinja2

from services.hitl.delivery.notices import Notice, subject

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def mail(
    notices: Sequence[Notice], *, sender: str, address: str, person: str, unsubscribe: str, delivery_id: UUID
) -> EmailMessage:
    """A mail.

    Args:
        notices: at least one.
        sender: who it comes from, as of a header `From`.
        address: who gets it.
        person: whom it is for.
        unsubscribe: where whoever gets it says that they want no more.
        delivery_id: the same at every try, so that a mail that comes twice is known to be one.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = address
    message["Subject"] = subject(notices)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{delivery_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    said = {"notices": notices, "person": person, "unsubscribe": unsubscribe}
    message.set_content(TEMPLATES.get_template("mail.txt").render(said))
    message.add_alternative(TEMPLATES.get_template("mail.html").render(said), subtype="html")
    return message
