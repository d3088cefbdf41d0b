"""Scopes: what is in one, whether one has all of another, and that SQL says the same as Python."""

import itertools
import json
import random
from collections.abc import Iterator

import asyncpg
import pytest

from servicekit.identity.principal import Principal
from servicekit.identity.scopes import Reach, Scope, ScopeColumns
from tests.stack import Server

NAMES = ("billing/pay", "billing/a/b", "billing", "billing_x", "xbilling/pay", "a.b", "axb", "A.b", "-", "%")
TAGS = ((), ("money",), ("slow", "money"), ("mon",))
LABELS = ({}, {"team": "a"}, {"team": "b", "tier": "1"}, {"tier": ""})
THINGS = list(itertools.product(NAMES, TAGS, LABELS))
GLOBS = ("*", "billing/*", "billing*", "*/pay", "*il*g*", "a.b", "a*b", "billing_x", "b*/*/b", "**", "-")


def scopes() -> Iterator[Scope]:
    """Many, the same each time."""
    drawn = random.Random(15)
    for _ in range(150):
        names = drawn.sample(GLOBS, drawn.choice((0, 0, 1, 2)))
        tags = drawn.sample(("money", "slow"), drawn.choice((0, 0, 1, 2)))
        yield Scope.made(names, tags, drawn.choice(LABELS))


@pytest.mark.parametrize(
    ("glob", "name", "covered"),
    [
        ("billing/*", "billing/pay", True),
        ("billing/*", "billing/a/b", True),
        ("billing/*", "billing/", True),
        ("billing/*", "billing", False),
        ("billing/*", "xbilling/pay", False),
        ("billing/*", "Billing/pay", False),
        ("billing.*", "billingx", False),
        ("*", "", True),
        ("*a" * 30 + "b", "a" * 63 + "c", False),
    ],
)
def test_an_asterisk_stands_for_any_characters_and_nothing_else_is_special(glob: str, name: str, covered: bool) -> None:
    assert Scope.made([glob], (), {}).covers(name, (), {}) is covered


def test_a_scope_within_another_has_nothing_that_the_other_has_not() -> None:
    every = list(scopes())
    found = {scope: {number for number, thing in enumerate(THINGS) if scope.covers(*thing)} for scope in every}
    within = [(one, other) for one in every for other in every if one.within(other)]
    assert all(found[one] <= found[other] for one, other in within)
    # It is not said of none, and of each of itself.
    assert {(one, one) for one in every} <= set(within)
    assert (Scope.made(["billing/p*"], (), {}), Scope.made(["billing/*"], (), {})) not in within
    assert Scope.made(["billing/p*"], (), {}).within(Scope.made(["*g/*", "x"], (), {}))
    assert not Scope.made(["billing/*"], (), {}).within(Scope.made(["billing/p*"], (), {}))
    assert not Scope.made(["*"], (), {}).within(Scope.made(["billing/*"], (), {}))
    assert not Scope.made((), ("money", "slow"), {}).within(Scope.made((), ("money",), {}))


def test_what_is_narrowed_twice_is_within_each_of_both() -> None:
    role, key = Scope.made(["billing/*"], (), {}), Scope.made((), ("money",), {})
    both, other = Reach(frozenset({role}), frozenset({key})), Scope.made(["other/*"], (), {})
    assert both.within(Reach(frozenset({role})))
    assert both.within(Reach(frozenset(), frozenset({key, other})))
    assert both.within(Reach())
    assert not Reach(frozenset({role})).within(both)
    assert not Reach().within(Reach(frozenset({role})))
    assert not Reach(frozenset({role, other})).within(Reach(frozenset({role})))


def test_who_has_a_permission_for_some_things_has_it_for_those_and_never_for_all() -> None:
    reach = Reach(frozenset({Scope.made(["billing/*"], (), {})}))
    narrow = Principal("", frozenset({"tools.audit"}), narrowed={"tools.invoke": reach})
    assert narrow.may("tools.invoke")
    assert not narrow.may_always("tools.invoke")
    assert narrow.reach("tools.invoke") == reach
    for wide in ("tools.invoke", "tools.*", "*"):
        assert Principal("", frozenset({wide}), narrowed={"tools.invoke": reach}).reach("tools.invoke") is None


async def test_a_condition_of_sql_holds_for_what_is_in_a_reach_and_for_nothing_else(postgres: Server) -> None:
    drawn, every = random.Random(7), list(scopes())
    columns = ScopeColumns("name", "tags", "labels")
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute("CREATE TEMPORARY TABLE things (number integer, name text, tags text[], labels json)")
        rows = [(number, name, list(tags), json.dumps(labels)) for number, (name, tags, labels) in enumerate(THINGS)]
        await connection.executemany("INSERT INTO things VALUES ($1, $2, $3, $4)", rows)
        for _ in range(100):
            reach = Reach(
                frozenset(drawn.sample(every, drawn.randint(0, 2))), frozenset(drawn.sample(every, drawn.randint(0, 2)))
            )
            values: list[object] = []
            condition = reach.condition(columns, values)
            found = await connection.fetch(f"SELECT number FROM things WHERE {condition}", *values)
            wanted = {number for number, thing in enumerate(THINGS) if reach.covers(*thing)}
            assert {row["number"] for row in found} == wanted, reach
    finally:
        await connection.close()
