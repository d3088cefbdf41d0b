"""One try of a delivery to a contact: who is still asked gets a link, and all that is due there goes as one."""

from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import structlog

from servicekit.errors import ServiceError
from servicekit.identity.visibility import ITSELF
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from servicekit.smtp import Mailer
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.delivery_result import DeliveryResult
from services.hitl.delivery.contacts import Unsubscribing
from services.hitl.delivery.dispatch import Load
from services.hitl.delivery.models import Claimed, Contact
from services.hitl.delivery.notices import Notice, notice
from services.hitl.delivery.notices.chat import chat
from services.hitl.delivery.notices.mail import mail
from services.hitl.delivery.store import contacts, deliveries
from services.hitl.links.links import link_path
from services.hitl.models import HumanRequest, IssuedLink, NewLink

logger = structlog.get_logger(__name__)

# Makes a link, in the transaction of that connection; None where the request waits for no answer.
MakeLink = Callable[[Connection, NewLink], Awaitable[IssuedLink | None]]

# Who tells contacts, in the history of a request.
TO_CONTACTS = "contacts"
URGENT = "urgent"
# How many questions one message may hold. Slack takes 50 blocks, of which a question has two.
MAX_TOGETHER = 25


class Notifier:
    """Tells contacts."""

    def __init__(
        self,
        database: Database,
        client: WebhookClient,
        mailer: Mailer | None,
        public_url: str,
        unsubscribing: Unsubscribing,
        load: Load,
        make_link: MakeLink,
    ) -> None:
        """Takes what it needs.

        Args:
            database: where contacts and deliveries are.
            client: posts to chats.
            mailer: sends mails; None where nothing does.
            public_url: the address of the edge, as people reach it.
            unsubscribing: makes the tokens of mails.
            load: a request as it stands now.
            make_link: makes links.
        """
        self._database = database
        self._client = client
        self._mailer = mailer
        self._public_url = public_url.rstrip("/")
        self._unsubscribing = unsubscribing
        self._load = load
        self._make_link = make_link

    async def send(self, first: Claimed) -> tuple[list[Claimed], DeliveryResult]:
        """Sends what is due at the contact of a delivery, once; whatever goes wrong is in the result.

        Returns:
            the deliveries that this was the try of, none where nothing is to be told any more; and what came of it.

        Raises:
            OSError: the database did not answer.
        """
        assert first.contact_id is not None
        async with self._database.connection() as connection:
            contact = await contacts.get(connection, first.contact_id, ITSELF)
        if contact is None:
            return [], DeliveryResult(0)
        request = await self._standing(first, contact)
        more: list[Claimed] = []
        # What is urgent stands in no list.
        if request is None or request.spec.priority != URGENT:
            async with self._database.connection() as connection:
                more = await deliveries.claim_more(connection, first, contact.definition.digest_from, MAX_TOGETHER)
        standing = [(first, request), *[(each, await self._standing(each, contact)) for each in more]]
        told: list[tuple[Claimed, Notice]] = []
        async with self._database.transaction() as connection:
            for claimed, request in standing:
                made = await self._make_link(connection, _new_link(request, contact)) if request else None
                if request is None or made is None:
                    await deliveries.drop(connection, claimed)
                else:
                    link = f"{self._public_url}{link_path(made.token)}"
                    told.append((claimed, await beside(request.size, notice, request, claimed.event_kind, link)))
        if not told:
            return [], DeliveryResult(0)
        together = [claimed for claimed, _ in told]
        return together, await self._sent(contact, together[0], [each for _, each in told])

    async def _standing(self, claimed: Claimed, contact: Contact) -> HumanRequest | None:
        """The request of a delivery, where the contact's person can still answer it."""
        try:
            request = await self._load(claimed.human_request_id)
        except ServiceError:
            # It has left with its time.
            return None
        person = contact.definition.person
        answered = any(vote.responded_by == person for vote in request.votes)
        may = request.is_asked(person, frozenset(contact.definition.groups))
        if request.is_over or answered or not may or (request.spec.four_eyes and request.is_requester(person)):
            return None
        return request

    async def _sent(self, contact: Contact, claimed: Claimed, notices: list[Notice]) -> DeliveryResult:
        definition = contact.definition
        try:
            if definition.kind != "email":
                headers = {"Content-Type": "application/json", "webhook-id": str(claimed.id)}
                return await self._client.post(definition.address, headers, chat(definition.kind, notices))
            if self._mailer is None:
                return DeliveryResult(0, "This installation sends no mail any more: QMCP_HITL_SMTP_URL is not set.")
            return await self._mailer.send(self._mail(self._mailer.sender, contact, claimed, notices))
        except Exception:
            # A fault of ours, which is no reason to try for ever.
            logger.exception("delivery_has_no_body", delivery_id=str(claimed.id))
            return DeliveryResult(0, "The question could not be put into words. The log of the service has more.")

    def _mail(self, sender: str, contact: Contact, claimed: Claimed, notices: list[Notice]) -> EmailMessage:
        return mail(
            notices,
            sender=sender,
            address=contact.definition.address,
            person=contact.definition.person,
            unsubscribe=f"{self._public_url}/v1/human/unsubscribe/{self._unsubscribing.token(contact.id)}",
            delivery_id=claimed.id,
        )


def _new_link(request: HumanRequest, contact: Contact) -> NewLink:
    definition = contact.definition
    return NewLink(
        request.id,
        definition.person,
        TO_CONTACTS,
        contact_id=contact.id,
        channel=definition.kind,
        groups=definition.groups,
    )
