"""One canary of every kind of secret, in all that the system may do with it; and none of them is seen again anywhere."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from google.protobuf.descriptor_pb2 import MethodOptions

from devstack import services
from gateway import contract
from servicekit.masking import Mask
from tests.collector import Collector
from tests.documents.forms import task, template
from tests.servicekit import raw_http2
from tests.servicekit.issuer import Issuer
from tests.stack import Stack
from tests.system.echoing import echoing_server
from tests.tools.audit import rows_of_every_table
from tests.wire import until

SERVICES = tuple(service.name for service in services.found())
TRACED = {"traceparent": f"00-{uuid.uuid4().hex}-b7ad6b7169203331-01"}
# Characters that come along where a key is pasted: no space that it looks like, nothing at all, half of a letter.
ODD = (b"\xc2\xa0", b"\xa0", b"\xe2\x80\x8b", b"\xff", b"\x00", b"\t", b"\r\n x: y")


MCP_HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
MCP_CALLS = (
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
    {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "echo", "arguments": {"message": "from a canary"}},
    },
    {"jsonrpc": "2.0", "id": 3, "method": "nothing"},
)


def reading(service: str) -> str:
    """The path of an RPC of a service that reads; the first one by its name."""
    [described] = [each for each in contract.services() if contract.short_name(each) == service]
    reads = [
        method.name
        for method in described.methods
        if contract.idempotency_level(method) == MethodOptions.NO_SIDE_EFFECTS and not method.server_streaming
    ]
    return f"/{described.full_name}/{min(reads)}"


# One route of each service that reads, and needs nothing in its path.
READ = [
    next(
        template
        for method in each.methods
        for rule in contract.bindings(method)
        for verb, template in [contract.verb_and_template(rule)]
        if verb == "get" and "{" not in template
    )
    for each in contract.services()
]


class Canaries:
    """The secrets by their kinds, and all that was answered to those who may not see them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.secrets: dict[str, str] = {}
        self.answers: list[str] = []
        admin = {"x-api-key": stack.admin_key, **TRACED}
        # Its answers may show a secret: once, when it is made.
        self.maker = httpx.Client(base_url=stack.edge_url, timeout=60, headers=admin)
        hooks = {"response": [self._keep]}
        self.admin = httpx.Client(base_url=stack.edge_url, timeout=60, headers=admin, event_hooks=hooks)
        self.anybody = httpx.Client(base_url=stack.edge_url, timeout=60, headers=TRACED, event_hooks=hooks)

    def _keep(self, response: httpx.Response) -> None:
        response.read()
        self.answers.append(f"{response.status_code} {response.headers} {response.text}")

    def key(self, role: str) -> str:
        made = self.maker.post("/v1/keys", json={"owner": f"canary-{uuid.uuid4().hex[:8]}", "roles": [role]})
        key: str = made.raise_for_status().json()["api_key"]
        self.secrets[f"key of a {role}"] = key[22:]
        return key


@pytest.fixture
def canaries(guarded: Stack) -> Iterator[Canaries]:
    made = Canaries(guarded)
    with made.maker, made.admin, made.anybody:
        yield made


def files(stack: Stack) -> dict[str, str]:
    """The secrets that the system has by itself."""
    keys = stack.home / "keys"
    shared = [line.split()[0] for line in (keys / "preshared").read_text().splitlines() if line.startswith("qmcp_")]
    found = {f"shared key {number}": key[22:] for number, key in enumerate(shared)}
    return found | {
        "key of the administrator": stack.admin_key[22:],
        "key that seals tokens": (stack.home / "tools_secrets_key").read_text().strip(),
        "password of the database": (stack.home / "postgres" / "password").read_text().strip(),
    }


async def use_keys(canaries: Canaries) -> None:
    """Right, wrong, odd and misplaced."""
    key = canaries.key("agent")
    wrong = key[:22] + "cAnArY" + key[28:]
    canaries.secrets["key that is wrong"] = wrong[22:]
    for text in (key, wrong, f"{key}x", f"Bearer {key}"):
        for headers in ({"x-api-key": text}, {"authorization": f"Bearer {text}"}, {"authorization": text}):
            canaries.anybody.get("/v1/whoami", headers=headers)
            canaries.anybody.post("/v1/tools/echo:invoke", json={"input": {"message": "x"}}, headers=headers)
            for call in MCP_CALLS:
                canaries.anybody.post("/mcp", json=call, headers={**MCP_HEADERS, **headers})
            for path in READ:
                canaries.anybody.get(path, headers=headers)
    canaries.anybody.get("/v1/keys", headers=[("x-api-key", key), ("x-api-key", wrong)])
    canaries.anybody.get("/nowhere", headers={"x-api-key": key})
    canaries.anybody.post("/v1/tools/echo:invoke", content=b"{", headers={"x-api-key": key})
    for odd in ODD:
        for name, value in (("x-api-key", key.encode() + odd), ("authorization", b"Bearer " + key.encode() + odd)):
            for service in SERVICES:
                port = int(canaries.stack.target(service).rpartition(":")[2])
                for path in (f"/qmcp.{service}.v1.{service.title()}Service/ListNothing", reading(service)):
                    with suppress(asyncio.IncompleteReadError, ConnectionError):
                        canaries.answers.append(str(await raw_http2.call(port, path, {name: value}, b"")))
            host, port_text = canaries.stack.grpc_target.split(":")
            reader, writer = await asyncio.open_connection(host, int(port_text))
            writer.write(
                b"GET /v1/whoami HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                + name.encode()
                + b": "
                + value
                + b"\r\n\r\n"
            )
            canaries.answers.append(str(await reader.read()))
            writer.close()


def use_tokens(canaries: Canaries, issuer: Issuer) -> None:
    good = issuer.token(sub="cAnArY-carol")
    head, body, signature = good.split(".")
    canaries.secrets["token"] = signature
    tokens = (good, f"{head}.{body}.{signature[:-6]}AAAAAA", issuer.token(exp=1), f"{body}.{head}.{signature}")
    for token in tokens:
        for headers in ({"authorization": f"Bearer {token}"}, {"x-api-key": token}):
            canaries.anybody.get("/v1/whoami", headers=headers)
    assert canaries.anybody.get("/v1/whoami", headers={"authorization": f"Bearer {good}"}).status_code == 200


def use_tools(canaries: Canaries, server: str, folder: Path) -> None:
    token, password = f"cAnArY/{uuid.uuid4().hex}", f"cAnArY-{uuid.uuid4().hex}"
    (folder / "canary-token").write_text(token)
    (folder / "canary-basic").write_text(base64.b64encode(f"anna:{password}".encode()).decode())
    given, proof = f"cAnArY-{uuid.uuid4().hex}", f"cAnArY+{uuid.uuid4().hex}"
    client = {"token_url": f"http://{server}/token/{given}", "client_id": "canary", "client_secret": proof}
    (folder / "canary-client").write_text(json.dumps(client))
    canaries.secrets |= {"secret of a tool": token, "basic authentication of a tool": password}
    canaries.secrets |= {"token of an OAuth client": given, "secret of an OAuth client": proof}
    headers = {
        "x-upstream-token": "${secret.canary-token}",
        "authorization": "Basic ${secret.canary-basic}",
        "x-oauth": "${oauth.canary-client}",
    }
    for name in ("echoing", "failing"):
        tool = {"description": name, "http": {"url": f"http://{server}/{name}", "headers": headers}}
        canaries.admin.put(f"/v1/tools/canary/{name}", json=tool).raise_for_status()
        made = (
            canaries.admin.post(f"/v1/tools/canary/{name}:invoke", json={"input": {"a": 1}}).raise_for_status().json()
        )
        assert "Bearer [masked]" in json.dumps(made), "it was sent, and said back"
        started = canaries.admin.post(f"/v1/tools/canary/{name}:start", json={"input": {}}).raise_for_status().json()
        canaries.admin.get(f"/v1/invocations/{started['id']}:watch")
    for path in ("invocations", "invocations:export", "receipts:export", "tools"):
        canaries.admin.get(f"/v1/{path}").raise_for_status()


def use_grants(canaries: Canaries, issuer: Issuer, server: str, folder: Path) -> None:
    """Tokens of a user's, which are kept, and those that a caller's own is exchanged for."""
    grants = {
        "refresh_token": {"refresh_token": f"cAnArY-{uuid.uuid4().hex}"},
        "urn:ietf:params:oauth:grant-type:token-exchange": {},
    }
    caller = issuer.token(sub="cAnArY-dora")
    canaries.secrets |= {
        "token of a caller": caller.rpartition(".")[2],
        "declared": grants["refresh_token"]["refresh_token"],
    }
    for number, (grant, more) in enumerate(grants.items()):
        given, proof = f"cAnArY-{uuid.uuid4().hex}", f"cAnArY+{uuid.uuid4().hex}"
        canaries.secrets |= {f"token by {grant}": given, f"next by {grant}": given[::-1], f"proof by {grant}": proof}
        client = {"token_url": f"http://{server}/token/{given}", "client_id": "canary", "client_secret": proof}
        (folder / f"canary-{number}").write_text(json.dumps({**client, "grant_type": grant, **more}))
        http = {"url": f"http://{server}/echoing", "headers": {"authorization": f"${{oauth.canary-{number}}}"}}
        canaries.admin.put(f"/v1/tools/canary/{number}", json={"http": http}).raise_for_status()
        headers = {"authorization": f"Bearer {caller}"}
        answer = canaries.anybody.post(f"/v1/tools/canary/{number}:invoke", json={"input": {}}, headers=headers)
        assert "Bearer [masked]" in answer.raise_for_status().text, "it was sent, and said back"
        canaries.admin.post(f"/v1/tools/canary/{number}:invoke", json={"input": {}}).raise_for_status()


def use_documents(canaries: Canaries) -> None:
    password = f"cAnArY-{uuid.uuid4().hex}"
    canaries.secrets["password for what documents are made of"] = password
    for path in ("meta", "documents/runs"):
        credential = base64.b64encode(f"anna:{password}".encode()).decode()
        canaries.admin.get(f"/v1/{path}", headers={"authorization": f"Basic {credential}"}).raise_for_status()
    files = {"template": ("a.docx", template()), "task": ("a.json", task())}
    run = canaries.admin.post("/v1/run", files=files).raise_for_status()
    assert run.headers["x-docops-exit-code"] == "0"


async def use_people(canaries: Canaries, server: str) -> None:
    hook = canaries.maker.post("/v1/human/webhooks", json={"url": f"http://{server}/hook"}).raise_for_status().json()
    dead = canaries.maker.post("/v1/human/webhooks", json={"url": f"http://{server}/failing"}).raise_for_status().json()
    canaries.secrets |= {"secret of a webhook": hook["secret"][6:], "secret of a dead one": dead["secret"][6:]}
    asked = [f"canary-{uuid.uuid4()}" for _ in range(2)]
    for number, name in enumerate(asked):
        question = {"id": name, "request_type": "approval", "prompt": "Fly?", "options": ["yes", "no"]}
        canaries.admin.post("/v1/human/requests", json=question).raise_for_status()
        made = canaries.maker.post(f"/v1/human/requests/{name}/links", json={"person": "anna@example.com"})
        path = made.raise_for_status().json()["path"]
        canaries.secrets[f"token of link {number}"] = path.rpartition("/")[2]
        for headers in ({}, {"accept": "text/html"}):
            canaries.anybody.get(path, headers=headers)
            canaries.anybody.put(path, headers=headers)
            canaries.anybody.get(f"{path}x", headers=headers)
            canaries.anybody.get(f"{path}?a=b", headers=headers)
            canaries.anybody.post(path, data={"response": "perhaps"}, headers=headers)
            canaries.anybody.post(path, data={"response": "yes"}, headers=headers)
            canaries.anybody.post(path, data={"response": "yes"}, headers=headers)

    async def tried() -> bool:
        found = canaries.admin.get("/v1/human/deliveries", params={"human_request_id": asked[0]}).json()["deliveries"]
        return len({one["webhook_id"] for one in found if one["attempts"]}) == 2

    await until(tried, 60)
    for path in ("webhooks", "deliveries", "requests"):
        canaries.admin.get(f"/v1/human/{path}").raise_for_status()
    for each in (hook, dead):
        canaries.admin.delete(f"/v1/human/webhooks/{each['id']}").raise_for_status()


async def use_monitors(canaries: Canaries, server: str) -> None:
    """Those of two receivers, before and after a rotation; one of them takes nothing."""
    service, made = f"canary-{uuid.uuid4().hex[:8]}", []
    for place in ("hook", "failing"):
        monitor = {
            "name": place,
            "selection": {"service": service},
            "evaluate_seconds": 1,
            "threshold": {"statistic": "count", "window_seconds": 3600, "comparison": "above", "limit": 0},
            "actions": [{"webhook": {"url": f"http://{server}/{place}"}}],
        }
        monitor = canaries.maker.post("/v1/metrics/monitors", json=monitor).raise_for_status().json()
        canaries.secrets[f"secret of a monitor {place}"] = monitor["secret"][6:]
        path = f"/v1/metrics/monitors/{monitor['id']}"
        changed = canaries.maker.put(path, json=monitor, params={"rotate_secret": "true"}).raise_for_status().json()
        canaries.secrets[f"second secret of a monitor {place}"] = changed["secret"][6:]
        made.append(path)
    canaries.admin.post("/metrics", json={"service": service, "metrics": [{"type": "custom", "value": 1}]})

    async def told() -> bool:
        transitions = canaries.admin.get("/v1/metrics/monitor-transitions", params={"page_size": 500}).json()
        actions = [
            action
            for each in transitions["transitions"]
            if f"/v1/metrics/monitors/{each['monitor_id']}" in made
            for action in each["actions"]
        ]
        return len([each for each in actions if each["attempts"]]) == len(made)

    await until(told, 60)
    for path in made:
        canaries.admin.get(path).raise_for_status()
        canaries.admin.delete(path).raise_for_status()


async def test_no_secret_is_seen_again(
    canaries: Canaries, collector: Collector, issuer: Issuer, upstream_secrets: Path
) -> None:
    stack = canaries.stack
    canaries.secrets |= files(stack)
    with echoing_server() as server:
        await use_keys(canaries)
        use_tokens(canaries, issuer)
        use_tools(canaries, server, upstream_secrets)
        use_grants(canaries, issuer, server, upstream_secrets)
        use_documents(canaries)
        await use_people(canaries, server)
        await use_monitors(canaries, server)

    async def traced() -> bool:
        return (
            all(f"qmcp-{name}" in collector.text() for name in (*SERVICES, "edge"))
            and "human/links" in collector.text()
        )

    await until(traced, 90)
    pages = [f"http://{stack.env[f'QMCP_{name.upper()}_METRICS_ADDRESS']}/metrics" for name in SERVICES]
    pages += [f"http://{stack.env['QMCP_MCP_METRICS_ADDRESS']}/metrics"]
    pages += [f"{stack.edge_url}/metrics", f"http://127.0.0.1:{stack.env['QMCP_ENVOY_METRICS_PORT']}/metrics"]
    canaries.admin.get("/v1/denials", params={"page_size": 500}).raise_for_status()
    async with httpx.AsyncClient(timeout=60) as http:
        metrics = [(await http.get(page)).text for page in pages]
    seen = {
        "answers": "\n".join(canaries.answers),
        "logs": stack.output(),
        "traces": collector.text(),
        "metrics": "\n".join(metrics),
        **{f"rows of {name}": await rows_of_every_table(stack.database_url(name)) for name in SERVICES},
    }
    assert all(len(text) > 1_000 for text in seen.values()), "there is something to search in"
    assert "cAnArY-carol" in seen["logs"]
    assert "/v1/human/links/{token}" in seen["logs"], "and who searches finds what is there"
    assert len(canaries.secrets) >= 28
    found = [
        f"the {kind} in the {place}"
        for kind, secret in canaries.secrets.items()
        for place, text in seen.items()
        if Mask([secret]).is_in(text) or secret[:24] in text
    ]
    assert not found
