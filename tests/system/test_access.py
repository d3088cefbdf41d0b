"""Who may do what, on the system that `make run` starts with QMCP_AUTH=on."""

import asyncio
import random
import re
import stat
import string
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import grpc
import httpx
import pytest
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from devstack import keys, services
from servicekit.identity import credentials
from tests.stack import Stack
from tests.system.test_readme import COMMANDS, at

CURL = next(line for line in COMMANDS if "/v1/tools/echo" in line)
ECHO = "/v1/tools/echo"
HELLO = {"input": {"message": "hello"}}
REALM = 'Bearer realm="qmcp"'
# A name as issuers have it that take no short ones.
ROLES_CLAIM = "https://qmcp.example.com/roles"


class Caller:
    """Calls the edge of the guarded system with any key."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = httpx.Client(base_url=stack.edge_url, timeout=60)

    def echo(self, key: str = "", **headers: str) -> httpx.Response:
        return self.http.post(ECHO, json=HELLO, headers={**_key(key), **headers})

    def create(self, *roles: str, **fields: object) -> tuple[str, str]:
        """A new key: its id and itself."""
        body = {"owner": "system-test", "roles": list(roles), **fields}
        answer = self.http.post("/v1/keys", json=body, headers=_key(self.stack.admin_key))
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]["id"], answer.json()["api_key"]

    def admin(self, path: str, **body: object) -> dict[str, object]:
        answer = self.http.post(path, json=body, headers=_key(self.stack.admin_key))
        answer.raise_for_status()
        return dict(answer.json())

    def until_refused(self, key: str) -> None:
        """Until a key is refused, for good."""
        _until(lambda: self.echo(key).status_code != 200)
        assert self.echo(key).status_code == 401


@pytest.fixture
def caller(guarded: Stack) -> Iterator[Caller]:
    made = Caller(guarded)
    yield made
    made.http.close()


def _key(key: str) -> dict[str, str]:
    return {"x-api-key": key} if key else {}


def test_the_curl_of_the_readme_needs_a_key_that_may(caller: Caller) -> None:
    def curl(key: str) -> int:
        header = f" -H 'x-api-key: {key}'" if key else ""
        line = at(caller.stack, CURL) + header + " -o /dev/null -w '%{http_code}'"
        return int(subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout)

    assert curl("") == 401
    assert curl(caller.create("reader")[1]) == 403
    assert curl(caller.create("agent")[1]) == 200


def test_the_curl_of_the_welcome_works_and_shows_no_key(guarded: Stack) -> None:
    welcome = guarded.output().partition("QMCP stands")[2]
    assert f"admin key                 {guarded.home / 'admin-key'}" in welcome
    command = next(line for line in welcome.splitlines() if line.startswith("Try:")).removeprefix("Try:")
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    assert '"result":"hello"' in answer.replace(" ", "")


def test_denials_have_a_reason_and_say_how_to_come_back(caller: Caller) -> None:
    for key in ("", "nonsense", credentials.generate()[0]):
        answer = caller.echo(key)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, REALM)
        assert answer.json()["details"][0]["reason"] == "UNAUTHENTICATED"
        assert answer.headers["x-request-id"]
    answer = caller.echo(caller.create("reader")[1])
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers
    info = answer.json()["details"][0]
    assert (info["reason"], info["metadata"]["permission"]) == ("PERMISSION_DENIED", "tools.invoke")


def test_a_key_works_as_bearer_too_and_over_grpc(caller: Caller) -> None:
    key = caller.create("agent")[1]
    assert caller.echo(Authorization=f"Bearer {key}").status_code == 200
    request = tools_service_pb2.InvokeToolRequest(name="echo")
    request.input.update({"message": "hello"})
    for target in (caller.stack.grpc_target, caller.stack.target("tools")):
        with grpc.insecure_channel(target) as channel:
            invoke = tools_service_pb2_grpc.ToolsServiceStub(channel).InvokeTool
            assert invoke(request, metadata=(("x-api-key", key),)).principal == "system-test"
            with pytest.raises(grpc.RpcError) as refused:
                invoke(request)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_revoked_key_and_a_disabled_one_stop_working_although_services_would_remember_them_for_long(
    caller: Caller,
) -> None:
    for verb in ("revoke", "disable"):
        key_id, key = caller.create("agent")
        assert caller.echo(key).status_code == 200
        caller.admin(f"/v1/keys/{key_id}:{verb}")
        caller.until_refused(key)
    assert caller.admin(f"/v1/keys/{key_id}:enable")["status"] == "active"


def test_a_rotated_key_has_two_secrets_for_its_grace_time(caller: Caller) -> None:
    key_id, old = caller.create("agent")
    assert caller.echo(old).status_code == 200
    new = str(caller.admin(f"/v1/keys/{key_id}:rotate", grace_seconds=3600)["api_key"])
    assert [caller.echo(key).status_code for key in (new, old, new)] == [200, 200, 200]
    newer = str(caller.admin(f"/v1/keys/{key_id}:rotate", grace_seconds=1)["api_key"])
    assert caller.echo(newer).status_code == 200
    for ended in (old, new):
        caller.until_refused(ended)
    newest = str(caller.admin(f"/v1/keys/{key_id}:rotate", grace_seconds=0)["api_key"])
    caller.until_refused(newer)
    assert caller.echo(newest).status_code == 200


def test_a_role_that_changes_changes_what_its_holders_may(caller: Caller) -> None:
    caller.admin("/v1/roles", name="runner", permissions=["tools.invoke"])
    key = caller.create("runner")[1]
    assert caller.echo(key).status_code == 200
    body = {"permissions": ["tools.read"]}
    caller.http.put("/v1/roles/runner", json=body, headers=_key(caller.stack.admin_key)).raise_for_status()
    _until(lambda: caller.echo(key).status_code == 403)


def test_a_key_makes_as_many_calls_as_its_rate_says(caller: Caller) -> None:
    key = caller.create("agent", rate_per_minute=3)[1]
    answers = [caller.echo(key) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["details"][0]["reason"] == "RATE_LIMITED"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20


@pytest.mark.parametrize("method", ["ResolveKey", "ResolveRoles", "ResolveCallers", "WatchChanges", "ReportUse"])
def test_what_is_for_services_is_not_reached_at_the_edge_by_any_key(caller: Caller, method: str) -> None:
    service_key = (caller.stack.home / "keys" / "tools").read_text().strip()
    for key in (caller.stack.admin_key, service_key):
        with grpc.insecure_channel(caller.stack.grpc_target) as channel:
            call = channel.unary_unary(f"/qmcp.access.v1.AccessService/{method}")
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=(("x-api-key", key),), timeout=60)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        answer = caller.http.post(f"/qmcp.access.v1.AccessService/{method}", json={}, headers=_key(key))
        assert answer.status_code == 404
    # They are there, for services that come directly.
    with grpc.insecure_channel(caller.stack.target("access")) as channel:
        resolve = access_service_pb2_grpc.AccessServiceStub(channel).ResolveRoles
        request = access_service_pb2.ResolveRolesRequest(roles=["reader"])
        assert resolve(request, metadata=(("x-api-key", service_key),)).permissions
        with pytest.raises(grpc.RpcError) as refused:
            resolve(request, metadata=(("x-api-key", caller.create("agent")[1]),))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_the_key_of_a_service_opens_nothing_of_the_others(caller: Caller) -> None:
    service_key = (caller.stack.home / "keys" / "tools").read_text().strip()
    assert caller.echo(service_key).status_code == 403
    assert caller.http.get("/v1/keys", headers=_key(service_key)).status_code == 403


def test_headers_that_claim_an_identity_change_nothing(caller: Caller) -> None:
    names = ("x-principal", "x-user", "x-remote-user", "x-forwarded-user", "x-auth-request-user")
    names += ("x-qmcp-principal", "x-qmcp-permissions", "x-qmcp-roles", "x-forwarded-client-cert")
    claims = dict.fromkeys(names, "admin")
    assert caller.echo(**claims).status_code == 401
    key = caller.create("reader")[1]
    assert caller.echo(key, **claims).status_code == 403
    told = caller.http.get("/v1/whoami", headers={**_key(key), **claims}).json()
    assert told["principal"] == "system-test"
    assert "*" not in told["permissions"]


def test_nobody_gives_more_than_they_have(caller: Caller) -> None:
    caller.admin("/v1/roles", name="doorkeeper", permissions=["access.admin", "access.read"])
    doorkeeper = caller.create("doorkeeper")[1]
    body = {"owner": "mallory", "roles": ["admin"]}
    answer = caller.http.post("/v1/keys", json=body, headers=_key(doorkeeper))
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (403, "ROLE_EXCEEDS_CALLER")


def test_denials_are_listed_and_counted(caller: Caller) -> None:
    key_id, key = caller.create("reader", owner="denied-one")
    assert caller.echo(key).status_code == 403
    caller.admin(f"/v1/keys/{key_id}:revoke")
    caller.until_refused(key)

    def reasons() -> set[str]:
        found = set()
        # Of a minute in which many keys were made up, as other tests do, those that are not valid are told together.
        for principal in ("denied-one", key_id, "_other"):
            params = {"principal": principal}
            listed = caller.http.get("/v1/denials", params=params, headers=_key(caller.stack.admin_key)).json()
            found |= {str(each["reason"]) for each in listed["denials"]}
        return found

    _until(lambda: reasons() >= {"PERMISSION_DENIED", "UNAUTHENTICATED"})
    figures = caller.http.get("/metrics").text
    assert re.search(r"^qmcp_access_denials_total\{[^}]*(Invoke|Call)Tool[^}]*\} \d", figures, re.MULTILINE)


def test_hundreds_of_malformed_credentials_are_refused_and_nothing_else(caller: Caller) -> None:
    chosen = random.Random(3)
    good = caller.create("agent")[1]
    alphabet = string.ascii_letters + string.digits + string.punctuation + " "

    def malformed() -> str:
        match chosen.randrange(5):
            case 0:
                return "".join(chosen.choices(alphabet, k=chosen.randrange(1, 300))).strip() or "x"
            case 1:
                return good[: chosen.randrange(1, len(good))]
            case 2:
                place = chosen.randrange(5, len(good))
                return good[:place] + chosen.choice("!=.+/ é") + good[place:]
            case 3:
                return ".".join("".join(chosen.choices(string.ascii_letters, k=40)) for _ in range(3))
            case _:
                return credentials.generate()[0]

    seen = set()
    for number in range(300):
        name, prefix = chosen.choice([("x-api-key", ""), ("authorization", "Bearer "), ("authorization", "")])
        value = (prefix + malformed()).encode()
        answer = caller.http.get("/v1/tools", headers=[(name.encode(), value)])
        # What is no printable ASCII the edge refuses as no header at all, before anybody looks at it.
        assert answer.status_code == (401 if value.isascii() else 400), (number, name, value, answer.text)
        seen.add(answer.status_code)
    assert seen == {400, 401}
    assert caller.echo(good).status_code == 200


async def test_a_secret_is_nowhere_but_with_its_holder(caller: Caller) -> None:
    """Canary: every secret that was handed out, and those of the services, looked for in all that is kept or written."""
    key_id, first = caller.create("agent", description="canary")
    second = str(caller.admin(f"/v1/keys/{key_id}:rotate", grace_seconds=60)["api_key"])
    for key in (first, second):
        assert caller.echo(key).status_code == 200
        assert caller.http.get("/v1/nowhere", headers=_key(key)).status_code == 404
        assert caller.http.get("/v1/keys", headers={"authorization": f"Bearer {key}"}).status_code == 403
        assert caller.echo(f"{key}x").status_code == 401
    # As if it had been made: what is kept for a retry has no secret either.
    again = {"owner": "canary", "roles": ["agent"], "idempotency_key": "canary-1"}
    third = str(caller.admin("/v1/keys", **again)["api_key"])
    assert caller.admin("/v1/keys", **again)["api_key"] == ""
    of_services = [keys.service_file(caller.stack.home, name) for name in keys.declared(services.found())]
    files = [keys.admin_file(caller.stack.home), *of_services]
    issued = [first, second, third, *(file.read_text().strip() for file in files)]
    secrets = [key.split("_", 2)[2] for key in issued]
    assert all(len(secret) == 43 for secret in secrets)
    await asyncio.sleep(1.5)

    dump = ""
    for service in services.found():
        dump += await _dump(caller.stack.database_url(service.name))
    assert key_id in dump, "the dump has the table of keys"
    output = caller.stack.output()
    assert key_id in output or "ResolveKey" in output, "the log has the calls"
    pages = "".join(
        caller.http.get(path, headers=_key(caller.stack.admin_key)).text
        for path in ("/metrics", "/metrics/json", "/v1/keys?include_invalid=true", f"/v1/keys/{key_id}", "/v1/denials")
    )
    stored = b"".join(path.read_bytes() for path in (caller.stack.home / "postgres").rglob("*") if path.is_file())
    assert key_id.encode() in stored, "the files have the table of keys, and what led to it"
    for secret in secrets:
        assert secret not in dump
        assert secret not in output
        assert secret not in pages
        assert secret.encode() not in stored
    assert all(secret.encode() not in _command_lines(caller.stack) for secret in secrets)


async def _dump(url: str) -> str:
    """Every row of every table as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f'SELECT t::text FROM "{table[0]}" t') for table in tables]
    finally:
        await connection.close()
    return "\n".join(row[0] for table in rows for row in table)


def _command_lines(stack: Stack) -> bytes:
    """The command lines and environments of all processes of the system."""
    found = b""
    for pid in stack.processes.values():
        for name in ("cmdline", "environ"):
            found += (Path("/proc") / str(pid) / name).read_bytes() if Path("/proc").exists() else b""
    return found


def test_files_with_keys_are_for_their_owner_alone(guarded: Stack) -> None:
    files = [guarded.home / "admin-key", *(guarded.home / "keys").iterdir()]
    assert {file.name for file in files} == {"admin-key", "preshared", *keys.declared(services.found())}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((guarded.home / "keys").stat().st_mode) == 0o700


def test_without_auth_nobody_needs_a_key_and_none_is_made(stack: Stack) -> None:
    assert httpx.post(stack.edge_url + ECHO, json=HELLO).status_code == 200
    told = httpx.get(f"{stack.edge_url}/v1/whoami").json()
    assert (told["principal"], told["permissions"]) == ("local", ["*"])
    assert httpx.get(f"{stack.edge_url}/v1/roles").status_code == 200
    assert not (stack.home / "admin-key").exists()
    assert not (stack.home / "keys").exists()
    assert "admin key" not in stack.output()


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
