"""Action links: made for one person, shown as a page, used once to answer.

The token is the credential. It is shown when the link is made; here and in the database it is only its SHA-256, so that
neither a log nor a backup lets anybody answer.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

import orjson

from servicekit import idempotency
from servicekit.errors import ServiceError, invalid_field
from servicekit.http_json.reading import value_of
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.interceptors.telemetry import HTTP_STATUS
from servicekit.postgres import Connection, Database
from servicekit.row_ids import new_row_id
from services.hitl import errors
from services.hitl.links import pages, store
from services.hitl.links.pages import Filled, Page
from services.hitl.models import (
    ActionLink,
    Answer,
    HumanRequest,
    IssuedLink,
    Json,
    NewEvent,
    NewLink,
    RequestSpec,
    Response,
)

# The request of this id; HUMAN_REQUEST_NOT_FOUND where there is none that the viewer sees.
Find = Callable[[Connection, str, Viewer], Awaitable[HumanRequest]]
# Records an event in the transaction of that connection, and takes the lock of its request.
Record = Callable[[Connection, NewEvent], Awaitable[None]]
# Gives an answer and uses its link up, in one transaction; LINK_NOT_VALID where it is used already.
Give = Callable[[Answer], Awaitable[Response]]

# What callers of before may do now.
Granted = Callable[[Sequence[str]], Awaitable[Mapping[str, Principal]]]

TOKEN_BYTES = 32
# What whoever made a link must still have when it is used.
LINK = "hitl.link"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# As the API takes them.
MAX_FORM_BYTES = 256 * 1024
MAX_COMMENT_LENGTH = 8_192
FIELDS = {"response", "comment"}
# Whoever reads the page can mend these; after all others, the form is of no use any more.
MENDABLE = {"RESPONSE_INVALID", "INVALID_REQUEST"}
TITLES = {
    "LINK_NOT_VALID": "This link is not valid",
    "ALREADY_RESPONDED": "This has been answered already",
    "HUMAN_REQUEST_EXPIRED": "The time for an answer is up",
    "HUMAN_REQUEST_CANCELLED": "The question was taken back",
    "NOT_ASSIGNED": "Somebody else is asked now",
}


@dataclass(frozen=True, slots=True)
class _Given:
    """What the form holds."""

    response: Json
    comment: str
    # From a page, where everything is text.
    is_text: bool


class Links:
    """Makes, shows and takes the answers of links."""

    def __init__(self, database: Database, find: Find, record: Record, give: Give, granted: Granted) -> None:
        self._database = database
        self._find = find
        self._record = record
        self._give = give
        self._granted = granted

    async def create(
        self,
        human_request_id: str,
        person: str,
        timeout_seconds: int,
        by: Viewer,
        once: idempotency.Once[IssuedLink, idempotency.Answer],
    ) -> idempotency.Answer:
        """Makes a link.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND, FOUR_EYES, HUMAN_REQUEST_ENDED, NOT_ASSIGNED.
        """

        async def create(connection: Connection) -> IssuedLink:
            request = await self._find(connection, human_request_id, by)
            _require_may_link(request, person, by)
            # Before the link, because it takes the lock of the request: two who only shared it until then would wait
            # for each other.
            await self._record(connection, NewEvent(human_request_id, "linked", by.name, {"person": person}))
            reference = by.principal.reference
            made = await make(connection, NewLink(human_request_id, person, by.name, reference, timeout_seconds))
            if made is None:
                raise errors.ended(human_request_id, request.status if request.ended else "expired")
            return made

        return await once.run(self._database, create)

    async def show(self, token: str, *, for_people: bool) -> Page:
        """The page with the form; nothing is recorded, since programs that scan mails open links too.

        Args:
            token: of the link.
            for_people: the caller shows HTML, so a refusal is a page too.

        Raises:
            ServiceError: LINK_NOT_VALID, NOT_ASSIGNED, where it is not for people.
        """
        try:
            request, link = await self._asked(token)
        except ServiceError as error:
            return _refusal(error, for_people=for_people)
        return pages.form(request, link.person)

    async def answer(self, token: str, content_type: str, body: bytes, *, for_people: bool) -> Page:
        """Answers in the name of the link's person.

        Args:
            token: of the link.
            content_type: of the body: a form or JSON.
            body: `response`, and perhaps `comment`.
            for_people: the caller shows HTML, so the outcome is a page, whatever it is.

        Raises:
            ServiceError: LINK_NOT_VALID, INVALID_REQUEST, and those of an answer, where it is not for people.
        """
        try:
            request, link = await self._asked(token)
        except ServiceError as error:
            return _refusal(error, for_people=for_people)
        filled = Filled()
        try:
            given = _read(content_type, body)
            filled = Filled(given.response if given.is_text else "", given.comment)
            response = await self._give(_answer(request.spec, link, given, digest(token)))
        except ServiceError as error:
            if for_people and error.reason in MENDABLE:
                return pages.form(request, link.person, filled, error.message)
            return _refusal(error, for_people=for_people)
        if for_people:
            return pages.notice("Thank you", "Your answer is recorded. You may close this page.")
        return pages.document(
            {
                "id": str(response.id),
                "human_request_id": response.human_request_id,
                "response": response.response,
                "responded_by": response.responded_by,
                "created_at": response.created_at.isoformat().replace("+00:00", "Z"),
                "decides": response.decides,
            }
        )

    async def _asked(self, token: str) -> tuple[HumanRequest, ActionLink]:
        """The request that a link answers, and the link, whose person is still asked.

        Raises:
            ServiceError: LINK_NOT_VALID; NOT_ASSIGNED where others are asked now, so that the question is not for them.
        """
        request, link = await self._behind(token)
        # As where the answer is taken.
        asked = request.is_asked(link.person, frozenset(link.groups))
        if not asked or (request.spec.four_eyes and request.is_requester(link.person)):
            raise errors.not_asked_any_more()
        return request, link

    async def _behind(self, token: str) -> tuple[HumanRequest, ActionLink]:
        """The request that a link answers, and the link.

        Raises:
            ServiceError: LINK_NOT_VALID, whether it is unknown, used or late: one look-up by the digest for all.
        """
        async with self._database.connection() as connection:
            link = await store.valid(connection, digest(token))
            if link is None:
                raise errors.link_not_valid()
            request = await self._find(connection, link.human_request_id, ITSELF)
        if link.caller and not (await self._granted([link.caller]))[link.caller].may(LINK):
            # Whose key was taken away may have made it to keep a way in.
            raise errors.link_not_valid()
        return request, link


def link_path(token: str) -> str:
    """Where a link leads, below the address of the edge; nowhere where its token is not known."""
    return f"/v1/human/links/{token}" if token else ""


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def make(connection: Connection, wanted: NewLink) -> IssuedLink | None:
    """Makes a link, whoever may; None where the request waits for no answer."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = await store.insert(connection, digest(token), wanted)
    return None if link is None else IssuedLink(link, token)


def _require_may_link(request: HumanRequest, person: str, by: Viewer) -> None:
    """Whoever makes a link could use it, so for a request that wants four eyes, who asked cannot make one."""
    spec = request.spec
    if spec.four_eyes and (request.is_requester(by.name) or request.is_requester(person)):
        raise errors.four_eyes(request.id)
    if not request.is_asked(person, frozenset()):
        raise errors.not_assigned(request.id)


def _refusal(error: ServiceError, *, for_people: bool) -> Page:
    if not for_people:
        raise error
    status = error.http_status or HTTP_STATUS[error.code]
    return pages.notice(TITLES.get(error.reason, "This did not work"), error.message, status)


def _answer(spec: RequestSpec, link: ActionLink, given: _Given, token_digest: bytes) -> Answer:
    response_id: UUID = new_row_id()
    return Answer(
        id=response_id,
        human_request_id=spec.id,
        response=_meant(spec, given.response) if given.is_text else given.response,
        responded_by=link.person,
        # A person by name and, of a contact, by its groups: whoever is no longer asked, because the request was
        # reassigned or escalated since the link was made, cannot answer by it either.
        roles=frozenset(link.groups),
        response_metadata={"contact_id": str(link.contact_id), "channel": link.channel} if link.contact_id else {},
        comment=given.comment,
        via="link",
        token_digest=token_digest,
    )


def _read(content_type: str, body: bytes) -> _Given:
    if len(body) > MAX_FORM_BYTES:
        raise invalid_field("form", f"must be at most {MAX_FORM_BYTES} bytes")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        found: Json = _json(body)
    elif kind == FORM:
        found = _form(body)
    else:
        raise invalid_field("form", f"must be {FORM} or {JSON}")
    if not isinstance(found, dict) or "response" not in found or set(found) - FIELDS:
        raise invalid_field("form", "must hold response, may hold comment, and nothing else")
    comment = found.get("comment", "")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_LENGTH:
        raise invalid_field("comment", f"must be a text of at most {MAX_COMMENT_LENGTH} characters")
    return _Given(found["response"], _lines(comment), kind == FORM)


def _json(body: bytes) -> Json:
    """As strictly as bodies of the API."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise invalid_field("form", f"is not UTF-8 at byte {error.start}") from None
    return value_of(text, "form", is_object=True)


def _form(body: bytes) -> Json:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError:
        raise invalid_field("form", f"is no {FORM}") from None
    if len(dict(pairs)) != len(pairs):
        raise invalid_field("form", "names a field twice")
    return dict(pairs)


def _meant(spec: RequestSpec, text: str) -> Json:
    """The answer that a text of a form stands for: an option, a JSON value where a schema wants one, else itself."""
    plain = _lines(text)
    if spec.options:
        return next((option for option in spec.options if _lines(option) == plain), plain)
    if spec.response_schema is None or spec.response_schema.get("type") == "string":
        return plain
    try:
        # Which reads no deeper than its stack.
        orjson.loads(plain)
    except ValueError:
        return plain
    return value_of(plain, "response", is_object=False)


def _lines(text: str) -> str:
    """Browsers end each line of a form with two characters."""
    return text.replace("\r\n", "\n")
