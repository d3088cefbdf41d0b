"""The hitl service under the contract."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from google.protobuf.message import Message
from qmcp.hitl.v1 import contact_pb2, hitl_service_pb2, webhook_pb2

from services.hitl import server as hitl_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up

EVENTFUL = "eventful"
_times = count(1)
# Those that were made last.
STANDING: dict[str, str] = {}


def _asked(number: int, **fields: Any) -> hitl_service_pb2.CreateHumanRequestRequest:
    return hitl_service_pb2.CreateHumanRequestRequest(request_type="review", prompt=f"Is {number} right?", **fields)


async def _ask(running: Running, number: int) -> list[str]:
    asked = [await running.must("CreateHumanRequest", _asked(each)) for each in range(number)]
    return [request.id for request in asked]


async def _make_events(running: Running, number: int) -> list[int]:
    """Comments on one request, which had no other event before them."""
    connection = await asyncpg.connect(running.database)
    try:
        await running.must("CreateHumanRequest", _asked(0, id=EVENTFUL))
        await connection.execute("DELETE FROM human_request_events WHERE kind = 'created'")
        before = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM human_request_events")
        for each in range(number):
            comment = running.request("CommentOnHumanRequest", id=EVENTFUL, comment=f"comment {each}")
            await running.must("CommentOnHumanRequest", comment)
        rows = await connection.fetch(
            "SELECT sequence FROM human_request_events WHERE sequence > $1 ORDER BY sequence", before
        )
        return [row["sequence"] for row in rows]
    finally:
        await connection.close()


def _webhook(number: int) -> webhook_pb2.Webhook:
    return webhook_pb2.Webhook(url=f"https://example.com/{number}", description="made", kinds=["claimed"])


async def _make_webhooks(running: Running, number: int) -> list[str]:
    made = [
        await running.must("CreateWebhook", running.request("CreateWebhook", webhook=_webhook(each)))
        for each in range(number)
    ]
    return [webhook.id for webhook in made]


async def _make_deliveries(running: Running, number: int) -> list[str]:
    connection = await asyncpg.connect(running.database)
    try:
        rows = await connection.fetch(
            """
            INSERT INTO deliveries (human_request_id, event_sequence, event_kind, url, status)
            SELECT 'made', n, 'created', 'https://example.com/', 'delivered'
            FROM generate_series(1, $1) AS n
            RETURNING id::text
            """,
            number,
        )
        return [row["id"] for row in rows]
    finally:
        await connection.close()


async def _standing(running: Running) -> None:
    """Two requests whose ids are known beforehand."""
    STANDING.update({each: f"{each}-{next(_times)}" for each in ("standing", "other")})
    for human_request_id in STANDING.values():
        await running.must("CreateHumanRequest", _asked(0, id=human_request_id))


def _answered(number: int) -> Message:
    answer = hitl_service_pb2.CreateHumanResponseRequest(
        human_request_id=STANDING["standing"], comment=f"comment {number}"
    )
    answer.response.string_value = "yes"
    return answer


@asynccontextmanager
async def _slow_get(running: Running) -> AsyncIterator[Slow]:
    await running.must("CreateHumanRequest", _asked(0, id="held"))
    request = running.request("GetHumanRequest", id="held")
    async with held_up(running, "GetHumanRequest", request, "human_responses") as slow:
        yield slow


def _hitl_variables(folder: Path) -> Mapping[str, str]:
    return {
        "hitl_secrets_key_file": str(folder / "secrets-key"),
        "hitl_callback_secret_file": str(folder / "callback-secret"),
        "hitl_similar_requests": "true",
        "hitl_public_url": "https://qmcp.example.com",
    }


# Asked of somebody else, so that nobody who calls here is asked.
_ELSEWHERE = ["somebody"]
_SEEN_BY_NAME = (
    "GetHumanRequest",
    "WaitForResponse",
    "ListHumanRequestEvents",
    "FindSimilarHumanRequests",
    "ViewHumanRequest",
    "ClaimHumanRequest",
    "ReleaseHumanRequest",
    "AssignHumanRequest",
    "CommentOnHumanRequest",
    "RemindOfHumanRequest",
    "CancelHumanRequest",
    "CreateActionLink",
)
_MORE = {"CommentOnHumanRequest": {"comment": "seen"}, "CreateActionLink": {"person": "somebody"}}


async def _own(owner: Running, _admin: Running) -> str:
    return str((await owner.must("CreateHumanRequest", _asked(0, assignees=_ELSEWHERE))).id)


async def _taken_back(owner: Running, admin: Running) -> str:
    """One that has ended, so that nobody waits for it."""
    asked = await _own(owner, admin)
    await owner.must("CancelHumanRequest", owner.request("CancelHumanRequest", id=asked))
    return asked


async def _webhook_of_an_administrator(_owner: Running, admin: Running) -> str:
    return (await _make_webhooks(admin, 1))[0]


def _contact(number: int) -> contact_pb2.Contact:
    return contact_pb2.Contact(
        kind="slack", address=f"https://93.184.215.14/{number}", person="ada", groups=["elsewhere"]
    )


async def _make_contacts(running: Running, number: int) -> list[str]:
    made = [
        await running.must("CreateContact", running.request("CreateContact", contact=_contact(each)))
        for each in range(number)
    ]
    return [contact.id for contact in made]


async def _contact_of_an_administrator(_owner: Running, admin: Running) -> str:
    return (await _make_contacts(admin, 1))[0]


async def _called_back(owner: Running, admin: Running) -> str:
    """A delivery to the callback of a request."""
    connection = await asyncpg.connect(owner.database)
    try:
        return str(
            await connection.fetchval(
                """
                INSERT INTO deliveries (human_request_id, event_sequence, event_kind, url, status)
                VALUES ($1, 1, 'created', 'https://example.com/', 'delivered')
                RETURNING id
                """,
                await _own(owner, admin),
            )
        )
    finally:
        await connection.close()


def _about(method: str, **fields: Any) -> Message:
    request: Message = getattr(hitl_service_pb2, f"{method}Request")(**fields)
    return request


def _answer_to(made: str) -> Message:
    answer = hitl_service_pb2.CreateHumanResponseRequest(human_request_id=made)
    answer.response.string_value = "yes"
    return answer


SUBJECT = Subject(
    name="hitl",
    service=hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"],
    settings=hitl_server.Settings,
    compose=hitl_server.compose,
    variables=_hitl_variables,
    listings={
        # The first is asked for while another call is held up.
        "ListWebhooks": Listing(_make_webhooks, "id"),
        "ListContacts": Listing(_make_contacts, "id", {"person": "ada"}, {"person": "bob"}),
        "ListDeliveries": Listing(_make_deliveries, "id", {"human_request_id": "made"}, {"human_request_id": "other"}),
        "ListHumanRequests": Listing(_ask, "id", {"request_type": "review"}, {"request_type": "choice"}),
        "ListHumanRequestEvents": Listing(_make_events, "sequence", {"id": EVENTFUL}, {"id": "other"}),
    },
    effects={
        "CreateHumanRequest": Effect(_asked, lambda request: request.id),
        "CommentOnHumanRequest": Effect(
            lambda number: hitl_service_pb2.CommentOnHumanRequestRequest(
                id=STANDING["standing"], comment=f"comment {number}"
            ),
            lambda request: request.id,
            prepare=_standing,
            repeats=False,
        ),
        "RemindOfHumanRequest": Effect(
            lambda number: hitl_service_pb2.RemindOfHumanRequestRequest(
                id=STANDING["standing" if number % 2 else "other"]
            ),
            lambda request: request.id,
            prepare=_standing,
            repeats=False,
        ),
        "CreateActionLink": Effect(
            lambda number: hitl_service_pb2.CreateActionLinkRequest(id=STANDING["standing"], person=f"person {number}"),
            lambda link: (link.human_request_id, link.person, link.expires_at.ToNanoseconds()),
            prepare=_standing,
            repeats=False,
        ),
        "CreateWebhook": Effect(
            lambda number: hitl_service_pb2.CreateWebhookRequest(webhook=_webhook(number)), lambda webhook: webhook.id
        ),
        "CreateContact": Effect(
            lambda number: hitl_service_pb2.CreateContactRequest(contact=_contact(number)), lambda contact: contact.id
        ),
        # The last, because it ends what the others need.
        "CreateHumanResponse": Effect(
            _answered, lambda response: response.id, field="idempotency_key", prepare=_standing, repeats=False
        ),
    },
    sights={
        **{
            name: Sight(
                _taken_back if name == "WaitForResponse" else _own,
                lambda made, name=name: _about(name, id=made, **_MORE.get(name, {})),
            )
            for name in _SEEN_BY_NAME
        },
        "CreateHumanResponse": Sight(_own, _answer_to),
        "ListHumanRequests": Sight(_own, lambda _: _about("ListHumanRequests")),
        "WatchHumanRequests": Sight(_own, lambda _: _about("WatchHumanRequests", after_sequence=0)),
        "ListDeliveries": Sight(_called_back, lambda _: _about("ListDeliveries")),
        "GetWebhook": Sight(_webhook_of_an_administrator, lambda made: _about("GetWebhook", id=made), owned=False),
        "GetContact": Sight(_contact_of_an_administrator, lambda made: _about("GetContact", id=made), owned=False),
        "ListContacts": Sight(_contact_of_an_administrator, lambda _: _about("ListContacts"), owned=False),
        "ListWebhooks": Sight(_webhook_of_an_administrator, lambda _: _about("ListWebhooks"), owned=False),
    },
    shared={"CreateHumanRequest": "makes what is the caller's own"},
    slow=_slow_get,
    lasting={
        "WaitForResponse": Lasting(hitl_service_pb2.WaitForResponseRequest(id="any"), "human_requests"),
        "WatchHumanRequests": Lasting(hitl_service_pb2.WatchHumanRequestsRequest()),
    },
    words=("approve", "reject", "approval", "review", "held", "pending", "https://example.com/", "created", "any"),
)
