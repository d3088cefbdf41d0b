"""What the operator's variables do, and the refusals that depend on them, as callers meet them through Envoy."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack import ports
from tests.contract.running import Refusal
from tests.documents.forms import entries, task, template, texts
from tests.documents.service import Replica, replica
from tests.edge.conftest import running_edge
from tests.stack import Server

PLUGIN = """
from services.documents.plugins import Payload, Skill

class Loan(Payload):
    item: str | None = None
    until: str | None = None

LOAN = Skill("loan", Loan, ("item",), "Who has what.")
"""
# As a kernel without landlock answers, from here on and in every process that is begun here.
NO_LANDLOCK = """
import errno, pyseccomp
refused = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refused.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "landlock_create_ruleset")
"""
LOST = (
    NO_LANDLOCK
    + """
import asyncio, json, os, signal, sys
from services.documents.isolation.models import LayerMissingError
from services.documents.rendering.models import RenderFailedError, RenderRequest
from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue
from tests.documents.forms import template

ASKED = RenderRequest(template(), "meeting_notice", {"organizer": "Ada"})

async def rendered(renderer):
    try:
        return (await renderer.render(ASKED, 60)).exit_code
    except RenderFailedError as error:
        return str(error)

async def main():
    skills, told = catalogue.load(), {}
    async with Renderer(skills, required=("files",)) as strict, Renderer(skills) as lenient:
        told["before"] = await rendered(strict)
        refused.load()
        for each in (strict, lenient):
            os.kill(each._zygote._process.pid, signal.SIGKILL)
            await each._zygote._process.wait()
        told["strict"], told["lenient"] = await rendered(strict), await rendered(lenient)
    try:
        await Renderer(skills, required=("files",)).start()
    except LayerMissingError as error:
        told["start"] = str(error)
    print(json.dumps(told))

asyncio.run(main())
"""
)


@dataclass(frozen=True)
class Door:
    """Envoy, before replicas that the tests start at one port."""

    url: str
    port: int


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    port = ports.free()
    folder = tmp_path_factory.mktemp("edge")
    with running_edge(folder, elsewhere={"documents": port}, envoy_drain_seconds=0.1) as edge:
        yield Door(edge.url, port)


async def posted(door: Door, path: str = "/v1/run", skill: str = "meeting_notice") -> httpx.Response:
    files = {"template": ("notice.docx", template()), "task": ("task.json", task())}
    async with httpx.AsyncClient(base_url=door.url, timeout=120) as http:
        return await http.post(path, files=files, data={"skill": skill})


def zygotes() -> list[int]:
    """The processes that runs are forked from, of this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if "isolation.zygote" in Path(f"/proc/{pid}/cmdline").read_text()]


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """What it is asked it does when the block is left."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def taken(running: Replica, slots: int) -> None:
    async with asyncio.timeout(60):
        while (await running.metrics())["qmcp_documents_slots_taken{}"] != slots:
            await asyncio.sleep(0.02)


@pytest.mark.promise("D04", "D07", "D09", "D12", "D13", "D14")
async def test_a_full_server_is_429_and_a_late_run_408_with_the_originals_bodies_through_envoy(
    postgres: Server, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCOPS_MAX_CONCURRENCY", "1")
    async with postgres.database("documents") as url:
        async with replica(url, grpc_port=door.port) as running:
            [zygote] = zygotes()
            with stopped(zygote):
                first = asyncio.create_task(posted(door))
                await taken(running, 1)
                full = [await posted(door, path) for path in ("/v1/run", "/v1/precheck")]
            assert (await first).status_code == 200
        for answer in full:
            told = answer.json()
            assert (answer.status_code, told["error_code"]) == (429, "TOO_MANY_REQUESTS")
            request_id = told["detail"].pop("request_id")
            assert told["detail"] == {"max_concurrency": 1, "queue_timeout_seconds": 0}
            assert answer.headers["x-docops-request-id"] == request_id
            assert answer.headers["retry-after"] == "1"
        monkeypatch.setenv("DOCOPS_REQUEST_TIMEOUT_SECONDS", "0.001")
        async with replica(url, grpc_port=door.port):
            late = await posted(door)
        told = late.json()
        assert (late.status_code, told["error_code"]) == (408, "REQUEST_TIMEOUT")
        request_id = told["detail"].pop("request_id")
        assert told["detail"] == {"timeout_seconds": 0.001, "terminated": True}
        assert late.headers["x-docops-request-id"] == request_id


@pytest.mark.promise("D06", "D08", "D14", "D15", "D16")
async def test_a_run_waits_for_its_turn_as_long_as_the_variable_says_and_its_process_begins_as_the_other_says(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MAX_CONCURRENCY", "1"), ("QUEUE_TIMEOUT_SECONDS", "600"), ("DEBUG_ARTIFACTS", "1")):
        monkeypatch.setenv(f"DOCOPS_{name}", value)
    async with postgres.database("documents") as url:
        async with replica(url) as running:
            [zygote] = zygotes()
            with stopped(zygote):
                both = [asyncio.create_task(running.run(template(), task())) for _ in range(2)]
                await taken(running, 1)
                assert not any(each.done() for each in both)
            waited = [traced(await each) for each in both]
            # Both were forked from the one that was there before and is there still.
            assert [each["start_method"] for each in waited] == ["forkserver"] * 2
            assert zygotes() == [zygote]
        monkeypatch.setenv("DOCOPS_QUEUE_TIMEOUT_SECONDS", "0.01")
        async with replica(url) as running:
            with stopped(zygotes()[0]):
                going = asyncio.create_task(running.run(template(), task()))
                await taken(running, 1)
                refused = await running.run(template(), task())
            assert isinstance(refused, Refusal)
            detail = json.loads(refused.metadata["detail"])
            assert (refused.reason, detail["queue_timeout_seconds"]) == ("TOO_MANY_REQUESTS", 0.01)
            assert traced(await going)["start_method"] == "forkserver"
        monkeypatch.setenv("DOCOPS_MP_START", "spawn")
        async with replica(url) as running:
            # Nothing is kept warm: each run has a new one, which goes with it.
            assert zygotes() == []
            assert traced(await running.run(template(), task()))["start_method"] == "spawn"
            assert zygotes() == []


def traced(answer: Any) -> dict[str, Any]:
    run, archive = answer
    assert run.exit_code == 0
    return dict(json.loads(entries(archive)["trace.json"])["subprocess"])


async def test_a_machine_without_a_layer_renders_nothing_where_all_are_required() -> None:
    """A kernel without landlock: the service does not start, and one that runs when it is lost refuses templates."""
    told = await ended([sys.executable, "-c", LOST], 0)
    missing = "files: the kernel has no landlock, or it is switched off"
    refused = f"a layer of the isolation is missing: {missing}"
    assert json.loads(told) == {"before": 2, "strict": refused, "lenient": 2, "start": missing}


async def test_the_service_itself_does_not_start_where_a_required_layer_is_missing(postgres: Server) -> None:
    program = NO_LANDLOCK + "refused.load()\nimport runpy\nrunpy.run_module('services.documents', run_name='__main__')"
    async with postgres.database("documents") as url:
        environment = {
            "QMCP_DATABASE_URL": url,
            "QMCP_DOCUMENTS_REQUIRE_ISOLATION": "true",
            "QMCP_GRPC_PORT": f"{ports.free()}",
            "QMCP_METRICS_PORT": f"{ports.free()}",
        }
        told = await ended([sys.executable, "-c", program], 1, **environment)
    assert "files: the kernel has no landlock" in told


async def ended(command: list[str], status: int, **environment: str) -> str:
    """What a program writes until it ends so."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    written = (await asyncio.wait_for(process.communicate(), 120))[0].decode()
    assert process.returncode == status, written
    return written


async def test_a_package_that_offers_a_skill_is_found_by_its_entry_point_and_run_through_envoy(
    postgres: Server, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loan_skill.py").write_text(PLUGIN)
    installed = tmp_path / "loan_skill-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: loan-skill\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[qmcp.skills]\nloan = loan_skill\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {
        "template": ("loan.docx", template("【ITEM】 until 【UNTIL】")),
        "task": ("task.json", b'{"task_type": "loan", "payload": {"until": "Monday"}}'),
    }
    async with (
        postgres.database("documents") as url,
        replica(url, grpc_port=door.port),
        httpx.AsyncClient(base_url=door.url, timeout=60) as http,
    ):
        meta = (await http.get("/v1/meta")).json()
        assert set(meta["task_payload_schemas"]["loan"]["properties"]) == {"item", "until"}
        answer = await http.post("/v1/run", files=files, data={"skill": "loan"})
    assert (answer.status_code, answer.headers["x-docops-exit-code"]) == (200, "2")
    assert texts(entries(answer.content)["out.docx"]) == ["【ITEM】 until Monday"]
