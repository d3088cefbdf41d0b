"""Refusals are on record: who, what, how often."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
from prometheus_client import CollectorRegistry, generate_latest
from qmcp.access.v1 import key_pb2

from servicekit.errors import permission_denied
from servicekit.identity import credentials
from servicekit.identity.authentication import Authentication
from servicekit.identity.strangers import Strangers
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext
from services.access.store import denials as store
from tests.access.environment import TOOLS, Access, who, who_with
from tests.contract.running import Running
from tests.stack import Stack


async def reported(access: Access, wanted: int, **filters: Any) -> list[Any]:
    """The denials, when as many have arrived as are wanted, counted with their counts."""
    for _ in range(600):
        denials = list((await access.must("ListDenials", page_size=500, **filters)).denials)
        if sum(denial.count for denial in denials) >= wanted:
            return denials
        await asyncio.sleep(0.1)
    raise AssertionError(f"{denials} within a minute")


async def test_a_refusal_is_on_record_with_who_what_and_why(access: Access, tools: Running) -> None:
    reader = await access.key("reader", owner="curious")
    ids = {"x-correlation-id": "work-1", "x-request-id": "request-1"}
    assert await who_with(tools, {"x-api-key": reader.api_key, **ids}) == "PERMISSION_DENIED"
    [denial] = await reported(access, 1, principal="curious")
    assert (denial.service, denial.method, denial.reason, denial.permission, denial.count) == (
        "tools", "/qmcp.tools.v1.ToolsService/InvokeTool", "PERMISSION_DENIED", "tools.invoke", 1,
    )  # fmt: skip
    assert (denial.correlation_id, denial.request_id) == ("work-1", "request-1")
    assert abs(denial.at.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(seconds=10)


async def test_denials_that_are_alike_are_counted_together(access: Access, tools: Running) -> None:
    unknown, key = credentials.generate()
    assert {await who(tools, unknown) for _ in range(20)} == {"UNAUTHENTICATED"}
    denials = await reported(access, 20, principal=key.id)
    assert sum(denial.count for denial in denials) == 20
    assert len(denials) <= 3
    assert {(denial.reason, denial.permission) for denial in denials} == {("UNAUTHENTICATED", "")}


async def test_a_caller_without_any_credential_is_on_record_without_a_name(access: Access, tools: Running) -> None:
    assert await who(tools, "") == "UNAUTHENTICATED"
    assert await who(tools, "hunter2-is-no-key") == "UNAUTHENTICATED"
    denials = await reported(access, 2)
    assert {denial.principal for denial in denials} == {""}
    assert "hunter2" not in str(denials)


async def test_a_rate_that_is_used_up_is_on_record(access: Access, tools: Running) -> None:
    issued = await access.key("agent", rate_per_minute=1)
    assert [await who(tools, issued.api_key) for _ in range(3)] == ["somebody", *["RESOURCE_EXHAUSTED"] * 2]
    denials = await reported(access, 2, principal=issued.key.id)
    assert {denial.reason for denial in denials} == {"RATE_LIMITED"}


async def test_access_records_its_own_denials(access: Access) -> None:
    issued = await access.key("agent", owner="curious")
    assert (await access.refused("ListKeys", key=issued.api_key)).code.name == "PERMISSION_DENIED"
    [denial] = await reported(access, 1, principal="curious")
    assert (denial.service, denial.permission) == ("access", "access.read")


async def test_a_burst_of_many_kinds_is_counted_whole(access: Access, tools: Running) -> None:
    """More kinds at once than one report takes."""
    keys = [credentials.generate()[0] for _ in range(1_500)]
    await asyncio.gather(*(who_with(tools, {"x-api-key": key}, 60) for key in keys))
    assert sum(denial.count for denial in await reported(access, 1_500)) == 1_500


async def test_more_than_a_thousand_keys_that_somebody_makes_up_cost_a_handful_of_rows(
    access: Access, tools: Running
) -> None:
    keys = [credentials.generate()[0] for _ in range(1_200)]
    codes: Counter[str] = Counter()
    for first in range(0, len(keys), 100):
        calls = (who_with(tools, {"x-api-key": key}, 60) for key in keys[first : first + 100])
        codes.update(await asyncio.gather(*calls))
    # On a slow machine some are told that there is more to do than can be done, or that access does not answer in time.
    assert codes.keys() <= {"UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    assert codes["UNAUTHENTICATED"] > len(keys) / 2
    denials = await reported(access, codes["UNAUTHENTICATED"])
    assert codes["UNAUTHENTICATED"] <= sum(denial.count for denial in denials) <= len(keys)
    minutes = {denial.at.seconds // 60 for denial in denials}
    assert len(denials) <= 2 * 21 * len(minutes)


async def test_denials_of_callers_who_are_not_known_are_told_apart_by_where_they_come_from_within_bounds(
    access: Access, tools: Running
) -> None:
    """Over gRPC, where a caller may write what only the edge should."""
    addresses = [f"203.0.113.{number}" for number in range(200)]
    wrong = [{"x-api-key": credentials.generate()[0]} for _ in range(60)]
    for headers in wrong:
        await who_with(tools, {**headers, "x-qmcp-client-address": addresses[0]}, 60)
    for address in addresses:
        await who_with(tools, {"x-qmcp-client-address": address}, 60)
        await who_with(tools, {"x-qmcp-client-address": f"{address}; no address"}, 60)
    denials = await reported(access, 460)
    minutes = {denial.at.seconds // 60 for denial in denials}
    assert sum(denial.count for denial in denials) == 460
    assert len(denials) <= 2 * (2 * 20 + 1) * len(minutes)
    assert {denial.address for denial in denials} <= {*addresses, "", "_other"}
    assert {addresses[0], "_other"} <= {denial.address for denial in denials}
    named = [denial for denial in denials if denial.principal not in {"", "_other"}]
    assert {denial.address for denial in named} == {addresses[0]}


def test_an_address_that_a_caller_makes_up_makes_no_row(guarded: Stack) -> None:
    body = {"input": {"message": "hello"}}
    with httpx.Client(base_url=guarded.edge_url, timeout=60, headers={"x-api-key": guarded.admin_key}) as http:
        for number in range(60):
            made_up = f"203.0.113.{number}"
            forged = dict.fromkeys(("x-forwarded-for", "x-qmcp-client-address", "x-envoy-external-address"), made_up)
            refused = http.post("/v1/tools/echo:invoke", json=body, headers={**forged, "x-api-key": "none"})
            assert refused.status_code == 401
        known = http.post("/v1/tools/echo:invoke", json=body, headers={"x-forwarded-for": "203.0.113.9"})
        assert known.is_success
        for _ in range(300):
            denials = http.get("/v1/denials", params={"page_size": 500}).json()["denials"]
            if sum(each["count"] for each in denials if each["service"] == "tools") >= 60:
                break
            time.sleep(0.1)
    assert {each["address"] for each in denials if each["reason"] == "UNAUTHENTICATED"} <= {"127.0.0.1", "_other"}
    assert "127.0.0.1" in {each["address"] for each in denials}


async def test_denials_are_counted_for_alerts() -> None:
    registry = CollectorRegistry()
    authentication = Authentication(
        None,  # type: ignore[arg-type]
        None,
        registry,
        strangers=Strangers(1, 0),
        remember_seconds=1,
        stale_seconds=1,
    )
    [method] = [method for method in methods_of(TOOLS) if method.name == "InvokeTool"]
    for _ in range(3):
        authentication.denied(RequestContext({}, method), permission_denied("tools.invoke"))
    page = generate_latest(registry).decode()
    assert f'qmcp_access_denials_total{{method="{method.path}",reason="PERMISSION_DENIED"}} 3.0' in page


async def test_old_denials_are_forgotten(access: Access, database: str) -> None:
    for days in (100, 89, 0):
        at = datetime.now(UTC) - timedelta(days=days)
        denial = key_pb2.Denial(service="tools", method="/m", reason="UNAUTHENTICATED", principal=f"{days}", count=1)
        denial.at.FromDatetime(at)
        await access.must("ReportUse", denials=[denial])
    connection = await asyncpg.connect(database)
    try:
        await store.forget(connection, 90)
    finally:
        await connection.close()
    kept = (await access.must("ListDenials")).denials
    assert [denial.principal for denial in kept] == ["0", "89"]
