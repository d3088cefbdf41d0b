"""An agent cannot bring about its own approval: what answers a request, or chooses who does, is not for those who ask."""

from uuid import UUID

import pytest
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.options.v1 import options_pb2

from servicekit.errors import ServiceError
from servicekit.identity.principal import Principal
from servicekit.methods import methods_of
from servicekit.postgres import database
from servicekit.request_context import RequestContext
from services.access.roles import BUILT_IN
from services.hitl.lifecycle.rules import answered_by, asked_by, require_may_answer
from services.hitl.lifecycle.store import requests as store
from services.hitl.messages.requests import spec_from
from services.hitl.models import Answer, RequestSpec
from tests.hitl.service import Start

SERVICE = hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"]
DECISIVE = ("CreateHumanResponse", "AssignHumanRequest", "CreateActionLink")
ROLES = {role.name: role for role in BUILT_IN}


@pytest.mark.parametrize("method", DECISIVE)
@pytest.mark.parametrize("name", sorted(ROLES.keys() - {"admin", "human"}))
def test_a_role_that_asks_or_reads_decides_nothing(name: str, method: str) -> None:
    permission = SERVICE.methods_by_name[method].GetOptions().Extensions[options_pb2.permission]
    assert not Principal(name, frozenset(ROLES[name].permissions)).may(permission)


def test_a_person_answers_and_hands_on_but_makes_no_links() -> None:
    human = Principal("ann", frozenset(ROLES["human"].permissions))
    allowed = [SERVICE.methods_by_name[each].GetOptions().Extensions[options_pb2.permission] for each in DECISIVE]
    assert [human.may(permission) for permission in allowed] == [True, True, False]


async def test_only_those_who_are_asked_may_answer_or_hand_on(start: Start) -> None:
    replica = await start()
    await replica.ask("r1", assignees=["ann"], groups=["chiefs"], four_eyes=True)
    async with database(replica.settings.database_url, 2, "test") as db, db.connection() as connection:
        request = await store.get(connection, "r1")
    assert request is not None
    require_may_answer(request, "ann", frozenset())
    require_may_answer(request, "bob", frozenset({"chiefs"}))
    for who, roles, reason in (
        ("bob", frozenset({"human"}), "NOT_ASSIGNED"),
        ("local", frozenset({"chiefs"}), "FOUR_EYES"),
    ):
        with pytest.raises(ServiceError) as refused:
            require_may_answer(request, who, roles)
        assert refused.value.reason == reason


def question(**fields: str) -> RequestSpec:
    request = hitl_service_pb2.CreateHumanRequestRequest(request_type="review", prompt="Is it right?", **fields)
    return spec_from(request, RequestContext({}, methods_of(SERVICE)[0]))


def test_only_who_may_delegate_asks_in_the_name_of_another() -> None:
    agent = Principal("agent", frozenset({"hitl.ask"}), key_id="0123456789abcdef")
    service = Principal("tools", frozenset({"hitl.delegate"}), key_id="fedcba9876543210")
    of_ann = {"on_behalf_of_reference": "roles:agent", "on_behalf_of_permission": "tools.invoke"}
    asked = [
        asked_by(question(), agent),
        asked_by(question(), service),
        asked_by(question(on_behalf_of="ann"), service),
        asked_by(question(on_behalf_of="ann", **of_ann), service),
    ]
    assert [(each.requester, each.requester_reference, each.requester_permission) for each in asked] == [
        ("agent", "key:0123456789abcdef", "hitl.ask"),
        ("tools", "key:fedcba9876543210", "hitl.ask"),
        ("ann", "", ""),
        ("ann", "roles:agent", "tools.invoke"),
    ]
    with pytest.raises(ServiceError) as refused:
        asked_by(question(on_behalf_of="ann"), agent)
    assert refused.value.reason == "PERMISSION_DENIED"
    # Nobody says by what they themselves are known.
    half = {"on_behalf_of": "ann", "on_behalf_of_reference": "roles:agent"}
    for by, fields in ((agent, of_ann), (service, of_ann), (service, half)):
        with pytest.raises(ServiceError) as refused:
            asked_by(question(**fields), by)
        assert refused.value.reason == "INVALID_REQUEST"


def test_an_answer_is_in_the_name_of_its_caller_unless_nobody_is_verified() -> None:
    by = Principal("ann", frozenset(), frozenset({"chiefs"}))
    said = Answer(UUID(int=1), "r1", "yes", responded_by="bob")
    verified = answered_by(said, by, verified=True)
    assert (verified.responded_by, verified.roles) == ("ann", frozenset({"chiefs"}))
    trusted = answered_by(said, by, verified=False)
    assert (trusted.responded_by, trusted.roles) == ("bob", None)
