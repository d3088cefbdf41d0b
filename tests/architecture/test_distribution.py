"""Tests that share a running system go to one process, or each process would start its own."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.distribution import end_systems


@pytest.mark.xdist_group("stack")
def test_the_id_of_a_test_names_the_system_that_it_shares(request: pytest.FixtureRequest) -> None:
    distributed = hasattr(request.config, "workerinput")
    assert request.node.nodeid.endswith("@stack") == distributed


def test_a_system_stops_when_the_next_test_does_not_share_it() -> None:
    ended: list[str] = []

    def sharing(name: str) -> Any:
        fixture = SimpleNamespace(finish=lambda _: ended.append(name))
        manager = SimpleNamespace(getfixturedefs=lambda *_: [fixture])
        session = SimpleNamespace(_fixturemanager=manager)
        return SimpleNamespace(fixturenames=(name,), get_closest_marker=lambda _: None, session=session, _request=None)

    for next_ in (sharing("stack"), None):
        end_systems(sharing("stack"), next_)
    end_systems(sharing("database"), sharing("stack"))
    assert ended == []
    end_systems(sharing("stack"), sharing("guarded"))
    end_systems(sharing("guarded"), sharing("database"))
    assert ended == ["stack", "guarded"]
