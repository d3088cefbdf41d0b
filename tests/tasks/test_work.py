"""Work for holders of leases, by the real tools and hitl: begun under a valid token alone, and what keeps a lease."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from qmcp.client.receipts import PublicKeys, verify_export

from tests.stack import Server
from tests.tasks import agents
from tests.tasks.agents import shared_out
from tests.tasks.service import RefusedError, Replica, replica
from tests.tasks.test_leases import let_expire
from tests.tasks.trio import Trio
from tests.tasks.trio import trio as running
from tests.tools import service as tools
from tests.tools.conftest import INSTALLED
from tests.wire import query, refusal, until

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trio(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(INSTALLED))
        async with running(postgres, tmp_path_factory.mktemp("trio")) as three:
            yield three


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[str]:
    async with pages() as address:
        yield address


@in_one_loop
async def test_what_is_done_for_a_task_is_done_for_the_holder_of_its_lease_alone_and_is_on_record(trio: Trio) -> None:
    task, token = await trio.leased("fenced")
    held: dict[str, Any] = {"task_id": task, "fencing_token": token}
    ran = await trio.tools.invoke("echo", {"message": "mine"}, idempotency_key="first", **held)
    asked = await trio.hitl.ask("for the task", idempotency_key="first", **held)
    for record in (ran, asked):
        assert (record.task_id, record.fencing_token) == (task, token)
    assert (await trio.hitl.get("for the task")).task_id == task
    receipt = await trio.tools.stub.GetReceipt(tools.pb.GetReceiptRequest(invocation_id=ran.id))
    content = json.loads(receipt.content)
    assert (content["kind"], content["task_id"], content["fencing_token"]) == ("invocation/3", task, token)

    await let_expire(trio.tasks, task)
    await trio.tasks.call("AcquireTask", id=task, agent_id="bob")
    request = tools.invoke_request("counted", {"key": "late"}, **held)
    for late in (
        trio.tools.stub.InvokeTool(request),
        trio.tools.stub.StartInvocation(request),
        trio.tools.stub.CallTool(request),
        trio.hitl.ask("late", **held),
    ):
        told = await refusal(late)
        assert told.reason == "LEASE_LOST"
        assert (told.metadata["agent_id"], told.metadata["fencing_token"]) == ("bob", str(token + 1))
        assert "local (bob) is at it now, by the token 2, until" in told.message
    assert tools.runs("late") == 0
    assert (await refusal(trio.hitl.get("late"))).reason == "HUMAN_REQUEST_NOT_FOUND"
    # The refusal is on record, with the task and the token that did not hold.
    [*late_rows] = [each for each in await trio.tools.listed() if each.tool_name == "counted"]
    assert [(each.task_id, each.fencing_token, each.error_reason) for each in late_rows] == [
        (task, token, "LEASE_LOST")
    ] * 3
    # A retry of what was done then is told of that, and does nothing; for another task it would be another call.
    again = await trio.tools.invoke("echo", {"message": "mine"}, idempotency_key="first", **held)
    assert again.id == ran.id
    assert (await trio.hitl.ask("for the task", idempotency_key="first", **held)).id == asked.id
    reused = await refusal(trio.tools.invoke("echo", {"message": "mine"}, idempotency_key="first"))
    assert reused.reason == "IDEMPOTENCY_KEY_REUSED"
    for wrong, reason in (
        ({"task_id": task}, "INVALID_REQUEST"),
        ({"fencing_token": 1}, "INVALID_REQUEST"),
        ({"task_id": "none", "fencing_token": 1}, "TASK_NOT_FOUND"),
    ):
        assert (await refusal(trio.tools.invoke("echo", {"message": "x"}, **wrong))).reason == reason
        assert (await refusal(trio.hitl.ask(**wrong))).reason == reason
    # All of it is proven, to the service and to whoever has an export.
    assert (await trio.tools.verify()).valid
    call = trio.tools.stub.ExportReceipts(tools.pb.ExportReceiptsRequest())
    lines = b"".join([chunk.data async for chunk in call]).splitlines()
    pem = (await trio.tools.stub.GetReceiptKey(tools.pb.GetReceiptKeyRequest())).public_key_pem
    assert verify_export(lines, PublicKeys(pem)).valid
    at = next(number for number, line in enumerate(lines) if ran.id.encode() in line)
    for changes in ({"fencing_token": token + 1}, {"task_id": ran.id}, {"task_id": "", "fencing_token": 0}):
        forged = json.loads(lines[at])
        forged["invocation"] |= changes
        faults = verify_export([*lines[:at], json.dumps(forged).encode(), *lines[at + 1 :]], PublicKeys(pem)).faults
        assert {fault.invocation_id for fault in faults} == {ran.id}


@in_one_loop
async def test_a_lease_lives_as_long_as_its_holder_waits_for_others_and_that_time_is_told_apart(trio: Trio) -> None:
    task, token = await trio.leased("parked", lease_seconds=5)
    held: dict[str, Any] = {"task_id": task, "fencing_token": token}
    await trio.hitl.ask("slow human", timeout_seconds=600, **held)
    assert 590 < await trio.keeps(task) <= 605
    begun = await trio.tools.start("counted", {"key": "parked", "seconds": 300}, **held)
    # Meanwhile nobody else gets it, and a heartbeat cuts nothing short.
    await trio.tasks.call("RenewTask", id=task, fencing_token=token)
    assert await trio.keeps(task) > 590
    project = (await trio.tasks.call("GetTask", id=task))["project_id"]
    assert (await trio.tasks.call("ClaimTask", project_id=project))["tasks"] == []
    # One of the two has ended: the other keeps it.
    await trio.hitl.answer("slow human")

    async def ended(number: int) -> bool:
        return sum(1 for _, outcome in await trio.works(task) if outcome) == number

    await until(lambda: ended(1))
    assert 5 < await trio.keeps(task) < 590
    await trio.tools.cancel(begun.id)
    await until(lambda: ended(2))
    assert await trio.keeps(task) <= 5
    assert await trio.works(task) == [("human_request", "approved"), ("invocation", "cancelled")]
    attempt = await trio.attempt(task)
    assert 0 < attempt["parked_seconds"] < 3600
    kinds = [each["kind"] for each in (await trio.tasks.call("ListTaskLogEntries", task_id=task))["entries"]]
    assert kinds == ["work_ended", "work_ended", "work_begun", "work_begun", "leased", "created"]


@in_one_loop
async def test_an_end_that_nobody_told_is_told_later_and_one_that_never_comes_has_a_bound(trio: Trio) -> None:
    task, token = await trio.leased("untold", lease_seconds=5)
    held: dict[str, Any] = {"task_id": task, "fencing_token": token}
    ran = await trio.tools.invoke("echo", {"message": "x"}, **held)
    # As if tools had been killed between the outcome and the word to tasks.
    await query(
        trio.tasks.settings.database_url,
        "UPDATE task_work SET ended_at = NULL, outcome = '', until = now() + interval '1 h' WHERE work_id = $1",
        ran.id,
    )
    await trio.tasks.call("RenewTask", id=task, fencing_token=token)
    assert await trio.keeps(task) > 3000
    await query(trio.tools.settings.database_url, "INSERT INTO leased_work VALUES ($1, $2, $3)", ran.id, task, token)

    async def told() -> bool:
        return await trio.works(task) == [("invocation", "success")]

    await until(told)
    assert await trio.keeps(task) <= 5
    # As if it had been killed before it recorded what it had asked for.
    lost = "0199a0f2-0000-7000-8000-000000000000"
    begin: dict[str, Any] = {**held, "holder": "local", "kind": "invocation", "work_id": lost}
    await trio.tasks.call("BeginWork", **begin, max_seconds=31_536_000)
    # Nobody says that it has ended: a day is the operator's bound.
    assert 86_000 < await trio.keeps(task) <= 86_405
    await query(
        trio.tools.settings.database_url,
        "INSERT INTO leased_work VALUES ($1, $2, $3, now() - interval '2 min')",
        lost,
        task,
        token,
    )

    async def given_up() -> bool:
        return await trio.works(task) == [("invocation", "success"), ("invocation", "nothing")]

    await until(given_up)
    assert await trio.keeps(task) <= 5

    async def nothing_noted() -> bool:
        return not await query(trio.tools.settings.database_url, "SELECT FROM leased_work")

    await until(nothing_noted)


@in_one_loop
async def test_an_id_that_is_anothers_brings_no_evidence_and_ends_nothing(trio: Trio) -> None:
    """Ids of human requests are their callers' to choose, also one that has been approved for something else."""
    await trio.hitl.ask("long ago")
    await trio.hitl.answer("long ago")
    task, token = await trio.leased("borrowed")
    told = await refusal(trio.hitl.ask("long ago", task_id=task, fencing_token=token))
    assert told.reason == "HUMAN_REQUEST_EXISTS"
    await query(trio.hitl.settings.database_url, "UPDATE leased_work SET began_at = now() - interval '2 min'")

    async def given_up() -> bool:
        return await trio.works(task) == [("human_request", "nothing")]

    await until(given_up)


@in_one_loop
async def test_what_is_approved_after_the_lease_is_gone_is_not_run(trio: Trio) -> None:
    task, token = await trio.leased("approved late")
    held: dict[str, Any] = {"task_id": task, "fencing_token": token}
    late, in_time = [await trio.tools.start("guarded", {"key": each}, **held) for each in ("too late", "in time")]
    assert await trio.keeps(task) > 3600

    async def asked(identity: str) -> bool:
        return any(each.id == f"invocation-{identity}" for each in await trio.hitl.listed())

    for each in (in_time, late):
        await until(lambda identity=each.id: asked(identity))
    await trio.hitl.answer(f"invocation-{in_time.id}")
    assert (await tools.ended(trio.tools, in_time.id)).status == "success"
    await trio.tasks.call("ReleaseTask", id=task, fencing_token=token)
    await trio.hitl.answer(f"invocation-{late.id}")
    done = await tools.ended(trio.tools, late.id)
    assert (done.status, done.error_reason, tools.runs("too late")) == ("failed", "LEASE_LOST", 0)
    assert "nobody is at it now" in done.error


@in_one_loop
async def test_nothing_is_done_for_a_task_while_nobody_can_say_whose_it_is(trio: Trio, tmp_path: Path) -> None:
    task, token = await trio.leased("unchecked")
    held: dict[str, Any] = {"task_id": task, "fencing_token": token}
    for address in ("", "127.0.0.1:1"):
        settings = tools.settings_for(trio.tools.settings.database_url, tmp_path, tasks_address=address)
        async with tools.replica(settings) as alone:
            told = await refusal(alone.invoke("counted", {"key": "unchecked"}, **held))
            assert told.reason == "UNAVAILABLE"
            assert "cannot be checked at the tasks service now" in told.message
            assert (await alone.invoke("echo", {"message": "for no task"})).status == "success"
    assert tools.runs("unchecked") == 0


BUILT = b"what was built"


async def _page(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/built":
            return web.Response(body=BUILT)
        case "/moved":
            return web.Response(status=302, headers={"Location": "/built"})
        case "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while request.transport is not None and not request.transport.is_closing():
                await response.write(bytes(65536))
            return response
    return web.Response(status=404)


@asynccontextmanager
async def pages() -> AsyncIterator[str]:
    """What a build has left on a server of its own: its address."""
    application = web.Application()
    application.router.add_get("/{path:.*}", _page)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@in_one_loop
async def test_a_url_is_evidence_where_what_stands_there_is_what_was_said_and_we_may_look(trio: Trio) -> None:
    task, token = await trio.leased("urls", required=["url"])
    true, other = (hashlib.sha256(each).hexdigest() for each in (BUILT, b"another"))
    async with pages() as server, replica(trio.tasks.settings.database_url, tasks_allowed_networks="") as guarded:

        async def complete(path: str, digest: str = true, here: Replica = trio.tasks, **more: Any) -> dict[str, Any]:
            evidence = [{"kind": "url", "id": path if "://" in path else server + path, "digest": digest}]
            fields = {"id": task, "status": "completed", "fencing_token": token, "evidence": evidence, **more}
            return await here.call("TransitionTask", **fields)

        for path, why in {
            "/moved": "answered 302, not 200",
            "/gone": "answered 404",
            "/endless": "larger than 1048576 bytes",
            "http://127.0.0.1:1/": "could not be read",
            "http://nowhere.invalid/": "could not be read",
            "http://169.254.169.254/latest/meta-data": "may not be reached",
            "http://[::1]/": "may not be reached",
            "http://10.0.0.1/": "may not be reached",
        }.items():
            with pytest.raises(RefusedError, match=f"EVIDENCE_REFUSED: .*{why}"):
                await complete(path)
        with pytest.raises(RefusedError, match=f"EVIDENCE_REFUSED: .*SHA-256 of what stands there is {true}"):
            await complete("/built", other)
        with pytest.raises(RefusedError, match=r"EVIDENCE_REFUSED: .*may not be reached"):
            await complete("/built", here=guarded)
        # Nobody else has us look.
        with pytest.raises(RefusedError, match="LEASE_LOST"):
            await complete("/moved", fencing_token=token + 1)
        done = await complete("/built", idempotency_key="built")
        assert done["status"] == "completed"
    # Its server is gone: what was answered is answered again, and nobody looks.
    assert await complete("/built", idempotency_key="built") == done


@in_one_loop
async def test_what_demands_evidence_is_completed_with_what_is_so_and_with_nothing_else(
    trio: Trio, server: str
) -> None:
    demands = ["invocation:echo", "approval", "url"]
    task = await trio.tasks.task("evidence", "one", required_evidence=demands)
    after = await trio.tasks.task("evidence", "after", dependencies=[task])
    project = (await trio.tasks.call("GetTask", id=task))["project_id"]
    await trio.tasks.call("AcquireTask", id=task)
    held: dict[str, Any] = {"task_id": task, "fencing_token": 1}

    async def complete(*evidence: dict[str, str], token: int = 1) -> dict[str, Any]:
        return await trio.tasks.call(
            "TransitionTask", id=task, status="DONE", fencing_token=token, evidence=list(evidence)
        )

    async def proof_of(invocation: Any) -> dict[str, str]:
        request = tools.pb.GetReceiptRequest(invocation_id=invocation.id)
        return {
            "kind": "invocation",
            "id": invocation.id,
            "digest": (await trio.tools.stub.GetReceipt(request)).digest,
        }

    with pytest.raises(RefusedError, match=r"EVIDENCE_MISSING: .*invocation:echo, approval, url") as missing:
        await complete()
    assert missing.value.refusal.metadata["missing"] == "invocation:echo,approval,url"
    ran = await proof_of(await trio.tools.invoke("echo", {"message": "done"}, **held))
    await trio.hitl.ask("may it be", **held)
    url = {"kind": "url", "id": f"{server}/built", "digest": hashlib.sha256(BUILT).hexdigest()}
    approval = {"kind": "approval", "id": "may it be"}
    # What is forged: true receipts of other work, a digest that is not the receipt's, what failed, what goes on.
    elsewhere = await trio.leased("elsewhere")
    other = await proof_of(await trio.tools.invoke("echo", {"message": "x"}, task_id=elsewhere[0], fencing_token=1))
    failed = await proof_of(await trio.tools.invoke("raises", {"what": "error"}, **held))
    forged = {
        "not done for this task": [other, await proof_of(await trio.tools.invoke("echo", {"message": "for none"}))],
        "digest of its receipt is another": [ran | {"digest": other["digest"]}, ran | {"digest": ""}],
        "ended as failed": [failed],
        "not ended": [approval],
        "no URL": [url | {"id": "file:///etc/passwd"}, url | {"id": "https://"}, url | {"id": "http://[::1/x"}],
        "must be the SHA-256": [url | {"digest": ""}],
    }
    for why, several in forged.items():
        for each in several:
            with pytest.raises(RefusedError, match=f"EVIDENCE_REFUSED: .*{why}"):
                await complete(ran, each)
    with pytest.raises(RefusedError, match="stays as it is while the task is leased"):
        await trio.tasks.call("UpdateTask", id=task, required_evidence_mode="replace", fencing_token=1)
    with pytest.raises(RefusedError, match="stands with the status completed"):
        await trio.tasks.call("TransitionTask", id=task, status="review", fencing_token=1, evidence=[ran])
    # One that was rejected is none, either; and another tool is not the one that is demanded.
    await trio.hitl.answer("may it be", "reject")
    await trio.hitl.ask("may it be then", **held)
    await trio.hitl.answer("may it be then")
    counted = await proof_of(await trio.tools.invoke("counted", {"key": "evidence"}, **held))

    async def all_told() -> bool:
        return all(outcome for _, outcome in await trio.works(task))

    await until(all_told)
    with pytest.raises(RefusedError, match="ended as responded"):
        await complete(approval)
    approval["id"] = "may it be then"
    with pytest.raises(RefusedError, match=r"EVIDENCE_MISSING: .*: invocation:echo. "):
        await complete(counted, approval, url)
    assert (await trio.tasks.call("ClaimTask", project_id=project))["tasks"] == []
    done = await complete(ran | {"id": ran["id"].upper()}, approval, url)
    assert (done["status"], done["evidence"]) == ("completed", [ran, approval | {"digest": ""}, url])
    [claimed] = (await trio.tasks.call("ClaimTask", project_id=project))["tasks"]
    assert claimed["id"] == after
    # Begun anew, what was shown counts no more: it was done under another lease.
    again = await trio.tasks.transition(task, "pending")
    assert again["evidence"] == []
    await trio.tasks.call("AcquireTask", id=task)
    with pytest.raises(RefusedError, match=r"EVIDENCE_REFUSED: .*not done for this task by the token 2"):
        await complete(ran, approval, url, token=2)


@in_one_loop
async def test_agents_that_die_stall_and_wait_complete_each_task_once_and_write_nothing_too_late(trio: Trio) -> None:
    async with replica(trio.tasks.settings.database_url) as other:
        board = await shared_out(trio, [other], "agents", agents=12, number=80)
    assert min(board.stalled, board.waited, *(board.late_tries[each] for each in agents.WRITES)) > 3, board.text()
    assert board.sound, board.text()
    assert min(each.cuts for each in board.watchers) > 1, board.text()


@in_one_loop
async def test_without_the_check_of_tokens_the_same_agents_would_be_caught(
    trio: Trio, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents.without_the_check(monkeypatch.setattr)
    board = await shared_out(trio, [], "unfenced", agents=12, number=40)
    assert all(board.late_writes[each] for each in agents.WRITES), board.text()
    assert max(board.completions.values()) > 1
    assert not board.sound
