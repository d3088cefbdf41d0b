"""One canary of every kind of secret, in all that the system may do with it; and none of them is seen again anywhere."""

import asyncio
import base64
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from servicekit.masking import Mask
from tests.collector import Collector
from tests.servicekit import raw_http2
from tests.servicekit.issuer import Issuer
from tests.stack import Stack
from tests.system.echoing import echoing_server
from tests.tools.audit import rows_of_every_table
from tests.wire import until

SERVICES = ("access", "hitl", "tools")
TRACED = {"traceparent": f"00-{uuid.uuid4().hex}-b7ad6b7169203331-01"}
# Characters that come along where a key is pasted: no space that it looks like, nothing at all, half of a letter.
ODD = (b"\xc2\xa0", b"\xa0", b"\xe2\x80\x8b", b"\xff", b"\x00", b"\t", b"\r\n x: y")


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
    canaries.anybody.get("/v1/keys", headers=[("x-api-key", key), ("x-api-key", wrong)])
    canaries.anybody.get("/nowhere", headers={"x-api-key": key})
    canaries.anybody.post("/v1/tools/echo:invoke", content=b"{", headers={"x-api-key": key})
    for odd in ODD:
        for name, value in (("x-api-key", key.encode() + odd), ("authorization", b"Bearer " + key.encode() + odd)):
            for service in SERVICES:
                port = int(canaries.stack.target(service).rpartition(":")[2])
                path = f"/qmcp.{service}.v1.{service.title()}Service/ListNothing"
                with suppress(asyncio.IncompleteReadError, ConnectionError):
                    canaries.answers.append(str(await raw_http2.call(port, path, {name: value}, b"")))
                reads = {"access": "WhoAmI", "hitl": "ListHumanRequests", "tools": "ListTools"}[service]
                with suppress(asyncio.IncompleteReadError, ConnectionError):
                    path = f"/qmcp.{service}.v1.{service.title()}Service/{reads}"
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
    canaries.secrets |= {"secret of a tool": token, "basic authentication of a tool": password}
    headers = {"x-upstream-token": "${secret.canary-token}", "authorization": "Basic ${secret.canary-basic}"}
    for name in ("echoing", "failing"):
        tool = {"description": name, "http": {"url": f"http://{server}/{name}", "headers": headers}}
        canaries.admin.put(f"/v1/tools/canary/{name}", json=tool).raise_for_status()
        canaries.admin.post(f"/v1/tools/canary/{name}:invoke", json={"input": {"a": 1}}).raise_for_status()
        started = canaries.admin.post(f"/v1/tools/canary/{name}:start", json={"input": {}}).raise_for_status().json()
        canaries.admin.get(f"/v1/invocations/{started['id']}:watch")
    for path in ("invocations", "invocations:export", "receipts:export", "tools"):
        canaries.admin.get(f"/v1/{path}").raise_for_status()


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


async def test_no_secret_is_seen_again(
    canaries: Canaries, collector: Collector, issuer: Issuer, upstream_secrets: Path
) -> None:
    stack = canaries.stack
    canaries.secrets |= files(stack)
    with echoing_server() as server:
        await use_keys(canaries)
        use_tokens(canaries, issuer)
        use_tools(canaries, server, upstream_secrets)
        await use_people(canaries, server)

    async def traced() -> bool:
        return (
            all(f"qmcp-{name}" in collector.text() for name in (*SERVICES, "edge"))
            and "human/links" in collector.text()
        )

    await until(traced, 90)
    pages = [f"http://{stack.env[f'QMCP_{name.upper()}_METRICS_ADDRESS']}/metrics" for name in SERVICES]
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
    assert len(canaries.secrets) >= 13
    found = [
        f"the {kind} in the {place}"
        for kind, secret in canaries.secrets.items()
        for place, text in seen.items()
        if Mask([secret]).is_in(text) or secret[:24] in text
    ]
    assert not found
