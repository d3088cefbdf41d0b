"""Somebody who gets mail: an SMTP server on loopback that answers as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP


@dataclass
class MailReceiver:
    """Takes mails; `answers` says what comes back, the last of them for ever."""

    port: int = 0
    answers: list[str] = field(default_factory=lambda: ["250 OK"])
    received: list[EmailMessage] = field(default_factory=list)
    # The same as it went over the wire.
    raw: list[bytes] = field(default_factory=list)
    # What clients have said, as it went over the wire.
    commands: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.startswith("250"):
            self.raw.append(envelope.content)
            self.received.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        return answer

    async def handle_AUTH(self, _server: Any, _session: Any, _envelope: Any, args: Any) -> None:
        self.commands.append(f"AUTH {args}")


@asynccontextmanager
async def mail_receiver() -> AsyncIterator[MailReceiver]:
    receiver = MailReceiver()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(receiver, loop=loop), "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
