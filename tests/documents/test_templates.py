"""Stored templates: versions by name, bounds, who sees and uses whose, and runs that name one."""

import asyncio
import hashlib
import io
import uuid
import zipfile
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from qmcp.client import Client
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import run_pb2, template_pb2

from tests.client.command import qmcp
from tests.contract.running import Refusal, refusal
from tests.documents.forms import PAYLOAD, entries, parts_of, task, template, texts
from tests.documents.service import Replica, replica
from tests.stack import Server, Stack

in_one_loop = pytest.mark.asyncio(loop_scope="module")
ONE, TWO = template("【MEETING_TITLE】"), template("【ORGANIZER】")


async def stored(running: Replica, name: str, content: bytes, *roles: str) -> template_pb2.Template | Refusal:
    request = template_pb2.StoreTemplateRequest
    half = len(content) // 2
    parts = [
        request(template=content[:half]),
        request(start=template_pb2.StoreTemplateStart(name=name, shared_with=roles)),
        request(template=content[half:]),
    ]
    try:
        return await running.stub.StoreTemplate(iter(parts))
    except grpc.aio.AioRpcError as error:
        return refusal(error)


async def kept(running: Replica, name: str, content: bytes, *roles: str) -> template_pb2.Template:
    answer = await stored(running, name, content, *roles)
    assert not isinstance(answer, Refusal), answer
    return answer


async def found(running: Replica, reference: str) -> Any:
    try:
        return await running.stub.GetTemplate(template_pb2.GetTemplateRequest(id=reference))
    except grpc.aio.AioRpcError as error:
        return refusal(error).reason


async def downloaded(running: Replica, reference: str) -> bytes:
    call = running.stub.DownloadTemplate(template_pb2.DownloadTemplateRequest(id=reference))
    return b"".join([each.data async for each in call])


@in_one_loop
async def test_a_version_is_its_bytes_and_a_number_is_never_given_twice(shared: Replica) -> None:
    first, second = await kept(shared, "notice", ONE), await kept(shared, "notice", TWO)
    assert (first.version, second.version, first.created_by) == (1, 2, "local")
    assert (first.sha256, first.size_bytes) == (hashlib.sha256(ONE).hexdigest(), len(ONE))
    again = await asyncio.gather(*(kept(shared, "notice", ONE, "agent") for _ in range(3)))
    assert {(each.id, each.version, *each.shared_with) for each in again} == {(first.id, 1, "agent")}
    assert (await kept(shared, "other", ONE)).version == 1
    for reference, content in ((first.id, ONE), ("notice@1", ONE), ("notice@2", TWO), ("notice", TWO)):
        assert await downloaded(shared, reference) == content
    for unknown in ("notice@3", "nothing", str(uuid.UUID(int=7)), "notice@999999999"):
        assert await found(shared, unknown) == "TEMPLATE_NOT_FOUND"
    await shared.stub.DeleteTemplate(template_pb2.DeleteTemplateRequest(id="notice"))
    assert (await found(shared, "notice")).version == 1
    assert await found(shared, second.id) == "TEMPLATE_NOT_FOUND"
    assert (await kept(shared, "notice", TWO)).version == 3
    page = await shared.stub.ListTemplates(template_pb2.ListTemplatesRequest(name="notice"))
    assert [each.version for each in page.templates] == [3, 1]
    by_digest = await shared.stub.ListTemplates(template_pb2.ListTemplatesRequest(sha256=first.sha256))
    assert {each.name for each in by_digest.templates} == {"notice", "other"}


@in_one_loop
async def test_a_name_a_file_and_roles_are_read_strictly(shared: Replica) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", bytes(50_000_000))
    file = ("a.docx", ONE)
    cases: list[tuple[dict[str, str], dict[str, tuple[str, bytes]], str]] = [
        ({}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": ".."}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": "a/b"}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": "a@1"}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": uuid.uuid4().hex}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": "a", "shared_with": "no role"}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": "a", "skill": "x"}, {"template": file}, "INVALID_ARGUMENT"),
        ({"name": "a"}, {"template": file, "task": file}, "INVALID_ARGUMENT"),
        ({"name": "a"}, {}, "INVALID_ARGUMENT"),
        ({"name": "a"}, {"template": ("a.docm", ONE)}, "INVALID_MEDIA_TYPE"),
        ({"name": "a"}, {"template": ("a.docx", b"PK\x03\x04 no zip")}, "TEMPLATE_REFUSED"),
        ({"name": "a"}, {"template": ("a.docx", bomb.getvalue())}, "TEMPLATE_REFUSED"),
    ]
    for fields, files, reason in cases:
        refused = await shared.uploaded(parts_of(fields, files))
        assert isinstance(refused, Refusal), fields
        assert refused.reason == reason, (fields, refused)
    uploaded = await shared.uploaded(parts_of({"name": "form", "shared_with": "agent, reader"}, {"template": file}))
    assert list(uploaded.shared_with) == ["agent", "reader"]
    assert await downloaded(shared, "form@1") == ONE


@in_one_loop
async def test_a_run_names_a_stored_template_in_every_way_in_which_it_can_be_asked_for(shared: Replica) -> None:
    await kept(shared, "of-runs", ONE)
    by_id = await kept(shared, "of-runs", TWO)
    for reference, expected in (("of-runs@1", "Quarter"), ("of-runs", "Ada"), (by_id.id, "Ada")):
        answer = await shared.run(b"", task(), stored_template=reference)
        assert not isinstance(answer, Refusal), answer
        run, archive = answer
        assert texts(entries(archive)["out.docx"]) == [expected]
        assert run.template_sha256 == hashlib.sha256(ONE if expected == "Quarter" else TWO).hexdigest()
    files = {"task": ("task.json", task())}
    form = await shared.form({"stored_template": "of-runs@1", "skill": ""}, files)
    assert isinstance(form, bytes)
    # As if the file had been sent.
    sent = await shared.form({}, {**files, "template": ("a.docx", ONE)})
    assert isinstance(sent, bytes)
    assert entries(form)["manifest.json"] == entries(sent)["manifest.json"]
    started = await shared.stub.StartRun(
        pb.StartRunRequest(payload=PAYLOAD, options=run_pb2.RunOptions(stored_template="of-runs@1"))
    )
    # What it was begun with is its own.
    await shared.stub.DeleteTemplate(template_pb2.DeleteTemplateRequest(id="of-runs@1"))
    async for event in shared.stub.WatchRun(pb.WatchRunRequest(id=started.id)):
        last = event
    assert (last.run.outcome, last.run.template_sha256) == ("ok", hashlib.sha256(ONE).hexdigest())
    for fields, more, reason in (
        ({"stored_template": "of-runs@1"}, {}, "TEMPLATE_NOT_FOUND"),
        ({"stored_template": "../x"}, {}, "TEMPLATE_NOT_FOUND"),
        ({"stored_template": "of-runs"}, {"template": ("a.docx", ONE)}, "INVALID_ARGUMENT_CONFLICT"),
        ({"stored_template": ""}, {}, "INVALID_ARGUMENT"),
    ):
        refused = await shared.form(fields, {**files, **more})
        assert isinstance(refused, Refusal)
        assert refused.reason == reason


async def test_one_principal_has_so_many_versions_and_bytes_and_no_more(postgres: Server) -> None:
    bounds = {"documents_max_templates": 2, "documents_max_templates_bytes": len(ONE) + 2 * len(TWO)}
    async with postgres.database("documents") as url, replica(url, **bounds) as running:
        answers = await asyncio.gather(*(stored(running, name, ONE) for name in "abcd"))
        refused = [each.reason for each in answers if isinstance(each, Refusal)]
        assert refused == ["TEMPLATES_LIMITED"] * 2
        kept_one = next(each for each in answers if not isinstance(each, Refusal))
        # What is there already may be stored again, and what is deleted makes room.
        await kept(running, kept_one.name, ONE)
        await running.stub.DeleteTemplate(template_pb2.DeleteTemplateRequest(id=kept_one.id))
        await kept(running, "e", TWO)


def test_templates_are_shared_with_roles_and_used_but_not_changed_by_their_holders(guarded: Stack) -> None:
    def key(role: str) -> str:
        with Client(guarded.edge_url, api_key=guarded.admin_key) as admin:
            return admin.create_key(f"{role}-{uuid.uuid4()}", roles=[role]).api_key

    name = f"shared-{uuid.uuid4().hex[:8]}"
    with (
        Client(guarded.edge_url, api_key=guarded.admin_key) as admin,
        Client(guarded.edge_url, api_key=key("agent")) as agent,
        Client(guarded.edge_url, api_key=key("agent")) as other,
    ):
        admin.store_template(name, ONE, shared_with=["agent"])
        made = agent.run_document(b"", task(), stored_template=name)
        assert texts(entries(made.archive)["out.docx"]) == ["Quarter"]
        mine = agent.store_template(name, TWO)
        assert (agent.get_template(name).id, mine.version) == (mine.id, 1)
        # What is another's alone is as what there is not; what is shared is read, and not changed.
        assert other.get_template(name).created_by == admin.get_template(name).created_by
        for refused, reason in (
            (lambda: other.get_template(mine.id), "TEMPLATE_NOT_FOUND"),
            (lambda: other.run_document(b"", task(), stored_template=mine.id), "TEMPLATE_NOT_FOUND"),
            (lambda: other.delete_template(name), "PERMISSION_DENIED"),
            (lambda: other.store_template("x", ONE, shared_with=["admin"]), "PERMISSION_DENIED"),
        ):
            with pytest.raises(Exception) as error:
                refused()
            assert error.value.reason == reason
        agent.store_template(name, TWO, shared_with=["agent"])
        with pytest.raises(Exception) as error:
            other.get_template(name)
        assert error.value.reason == "TEMPLATE_AMBIGUOUS"


def test_the_command_stores_lists_fills_and_deletes_templates_through_envoy(stack: Stack, tmp_path: Path) -> None:
    name = f"notice-{uuid.uuid4().hex[:8]}"
    (tmp_path / "notice.docx").write_bytes(ONE)
    (tmp_path / "task.json").write_bytes(task())

    def told(*arguments: str) -> Any:
        return qmcp("--url", stack.edge_url, "documents", *arguments, cwd=tmp_path)

    first = told("templates", "upload", name, "notice.docx", "--json").json
    with httpx.Client(base_url=stack.edge_url) as http:
        sent = {"template": ("notice.docx", TWO)}
        second = http.post("/v1/documents/templates", files=sent, data={"name": name})
        assert (second.status_code, second.json()["version"]) == (201, 2)
        path = f"/v1/documents/templates/{name}@1"
        assert http.get(path).json() == first
        file = http.get(f"{path}:download")
        assert (file.content, file.headers["content-disposition"]) == (ONE, f'attachment; filename="{name}-1.docx"')
        refused = http.post("/v1/documents/templates", files=sent, data={"name": "a b"})
        assert (refused.status_code, refused.json()["details"][0]["reason"]) == (400, "INVALID_ARGUMENT")
    assert f"{name}@2" in told("templates", "list", "--name", name).out
    assert told("templates", "show", name, "--json").json["version"] == 2
    assert told("templates", "download", f"{name}@1", "-o", "again.docx").code == 0
    assert (tmp_path / "again.docx").read_bytes() == ONE
    ran = told("run", "--stored-template", f"{name}@1", "--task", "task.json", "--out-dir", "made")
    assert (ran.code, texts((tmp_path / "made/out.docx").read_bytes())) == (0, ["Quarter"])
    assert told("run", "--task", "task.json", "--out-dir", "none").code == 2
    assert told("templates", "delete", f"{name}@1").code == 0
    assert told("templates", "show", f"{name}@1").code != 0
