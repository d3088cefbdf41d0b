"""No way to write an argument slips past a policy that speaks of it, whatever the kind of the tool; the rest runs unasked."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.tools.catalogue.readings import AmbiguousError, Readings
from tests.tools.grpc_upstream import peer
from tests.tools.service import Replica, python
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = {"amount": {"type": "number", "exclusiveMinimum": 100}}
WHEN_LARGE = {"properties": LARGE, "required": ["amount"]}
NEGATED = {"not": {"properties": {"amount": {"maximum": 100}}, "required": ["amount"]}}
LIVE = {"properties": {"dry_run": {"const": False}}, "required": ["dry_run"]}
TO_ACME = {"properties": {"to": {"enum": ["acme caf\u00e9"]}}, "required": ["to"]}
DEFAULTS = {"properties": {"amount": {"type": ["number", "string"], "default": 500}, "dry_run": {"default": False}}}

SLIPS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(
        (condition, {"amount": written})
        for condition in (WHEN_LARGE, NEGATED)
        for written in ("500", " 500 ", "5e2", "+500", "0x1f4", "5_000", "5,000", "500.0", "\uff15\uff10\uff10", "5\u200b00", 500, 5e2, 100.5)
    ),
    *((WHEN_LARGE, {"amount": written}) for written in ("1e999", "Infinity", "9" * 5_000)),
    *((WHEN_LARGE, {name: 500}) for name in ("Amount", "AMOUNT", "a_mount", "amoun\u200bt", "\uff41mount")),
    (WHEN_LARGE, {"amount": 1, "Amount": 500}),
    (WHEN_LARGE, {"amount": 500, "currency": "840"}),
    *((LIVE, {"dry_run": written}) for written in (False, "false", "False", "0", 0, "no", "off")),
    *((LIVE, {name: False}) for name in ("dryRun", "dry-run", "DRY_RUN")),
    *((TO_ACME, {"to": written}) for written in ("acme caf\u00e9", "acme cafe\u0301", "\uff41cme caf\u00e9", " acme caf\u00e9")),
    ({"properties": {"code": {"type": "string", "pattern": "^9"}}, "required": ["code"]}, {"code": 911}),
    ({"not": {"required": ["approved_by"]}}, {"approved_by": None}),
    ({"properties": {"items": {"items": {"properties": LARGE, "required": ["amount"]}, "minItems": 1}}, "required": ["items"]},
     {"items": [{"amount": "500"}]}),
]  # fmt: skip
PASSES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *((WHEN_LARGE, {"amount": written}) for written in (5, "5", "1e1", 100, "a lot", None)),
    (WHEN_LARGE, {"amounts": 500, "total": 500}),
    (LIVE, {"dry_run": True}),
    (LIVE, {"dry_run": "true"}),
    (TO_ACME, {"to": "Acme"}),
    ({"not": {"required": ["approved_by"]}}, {"approved_by": "anna"}),
]


def read(condition: dict[str, Any], arguments: dict[str, Any]) -> list[dict[str, Any]]:
    return list(Readings(condition, None, dict).of(arguments))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


@pytest.mark.parametrize(("condition", "arguments"), SLIPS)
async def test_what_a_policy_means_is_asked_about_however_it_is_written(
    shared: Replica, server: Upstream, condition: dict[str, Any], arguments: dict[str, Any]
) -> None:
    for method in ("POST", "GET"):
        await shared.update(
            name=f"read/{method}",
            http={"url": server.url("/x"), "method": method},
            approval={"mode": "when", "when": condition},
        )
        made = await shared.invoke(f"read/{method}", arguments)
        assert made.status == "awaiting_approval"
        assert python(made.input_params) == arguments, "people see what was written, and it is what goes there"


@pytest.mark.parametrize(("condition", "arguments"), PASSES)
async def test_what_a_policy_does_not_mean_runs_unasked(
    shared: Replica, server: Upstream, condition: dict[str, Any], arguments: dict[str, Any]
) -> None:
    policy = {"mode": "when", "when": condition}
    await shared.update(name="read/other", http={"url": server.url("/x")}, approval=policy)
    assert (await shared.invoke("read/other", arguments)).status == "success"


async def test_what_is_left_out_is_judged_by_its_default(shared: Replica, server: Upstream) -> None:
    for condition in (WHEN_LARGE, LIVE):
        await shared.update(
            name="read/default",
            http={"url": server.url("/x")},
            input_schema=DEFAULTS,
            approval={"mode": "when", "when": condition},
        )
        assert (await shared.invoke("read/default", {})).status == "awaiting_approval"
        assert (await shared.invoke("read/default", {"amount": 1, "dry_run": True})).status == "success"


async def test_a_functions_own_default_counts_and_so_does_what_it_is_given_as_text(
    shared: Replica, server: Upstream
) -> None:
    assert (await shared.invoke("pay_by_default", {})).status == "awaiting_approval"
    assert (await shared.invoke("pay_by_default", {"amount": 5})).status == "success"
    assert (await shared.invoke("pay_by_default", {"amount": "500"})).status == "awaiting_approval"


async def test_what_a_message_says_where_a_field_is_left_out_counts(shared: Replica) -> None:
    async with peer() as grpc_server:
        source = {"target": grpc_server.target, "method": "peer.v1.Peer/Echo"}
        for name, default, other in (("flag", False, True), ("unsigned", 0, 7), ("large", 0, 7), ("name", "", "x")):
            policy = {"mode": "when", "when": {"properties": {name: {"const": default}}, "required": [name]}}
            await shared.update(name="read/message", grpc=source, approval=policy)
            assert (await shared.invoke("read/message", {})).status == "awaiting_approval"
            assert (await shared.invoke("read/message", {name: other})).status == "success"


async def test_two_arguments_that_are_one_are_read_as_neither() -> None:
    for arguments in ({"amount": 1, "Amount": 2}, {"AMOUNT": 1, "Amount": 2}, {"x": [{"amount": 1, "aMount": 2}]}):
        with pytest.raises(AmbiguousError):
            read(WHEN_LARGE, arguments)


async def test_a_condition_that_refers_to_itself_is_read_to_its_end() -> None:
    tree = {
        "$defs": {"node": {"properties": {"amount": {"$ref": "#/$defs/node"}}, "minimum": 3}},
        "$ref": "#/$defs/node",
    }
    assert read(tree, {"amount": {"amount": "4"}})[0] == {"amount": {"amount": 4}}


async def test_what_a_condition_speaks_of_is_learnt_in_one_walk_however_its_schemas_refer_to_each_other() -> None:
    """A walk from each of its names took seconds for a chain of some hundred."""

    def calls(length: int) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        links = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]} for n in range(length)}
        names = {f"k{n}": {"$ref": f"#/$defs/d{n}"} for n in range(length)}
        condition = {"properties": names, "$defs": links | {f"d{length}": {"minimum": 3}}}
        sys.setprofile(note)
        try:
            readings = Readings(condition, None, dict)
        finally:
            sys.setprofile(None)
        assert next(readings.of({"k0": "5", f"k{length - 1}": "7"})) == {"k0": 5, f"k{length - 1}": 7}
        return count

    assert calls(400) < 8 * calls(100)


async def test_a_text_past_all_writing_is_read_as_nothing() -> None:
    readings = Readings({"properties": {"note": {"pattern": "delete"}}}, None, dict)
    for text in ("a" + "\u0301\u0316" * 900_000, "\ufdfa" * 1_000_000):
        with pytest.raises(AmbiguousError):
            next(readings.of({"note": text}))
    name = "a" + "\u0301\u0316" * 900
    assert next(Readings({"properties": {name: {"minimum": 3}}}, None, dict).of({"amount": "5"})) == {"amount": "5"}
    with pytest.raises(AmbiguousError):
        next(Readings({"properties": {"amount": {"minimum": 3}}}, None, dict).of({name: "5"}))


async def test_letters_that_nobody_sees_are_left_out_of_what_is_read() -> None:
    readings = Readings({"properties": {"amount": {"minimum": 3}, "note": {"pattern": "delete"}}}, None, dict)
    given = {
        "amount": "\N{FULLWIDTH DIGIT FIVE}\N{ZERO WIDTH SPACE}0",
        "note": " de\N{SOFT HYPHEN}l\N{WORD JOINER}ete ",
    }
    assert next(readings.of(given)) == {"amount": 50, "note": "delete"}
