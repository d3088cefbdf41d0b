"""What it costs a call that its caller is checked: CPU microseconds with a key and with a token that are remembered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from prometheus_client import CollectorRegistry
from qmcp.tools.v1 import tools_service_pb2

from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from servicekit.identity import credentials
from servicekit.identity.authentication import Authentication
from servicekit.identity.authenticator import Keyless
from servicekit.identity.resolver import Denial, ResolvedKey, ResolvedRoles
from servicekit.identity.strangers import Strangers
from servicekit.identity.tokens import Tokens
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext

GOAL_US = 50
CALLS = 20_000
# Callers whom a service has remembered while one of them calls.
REMEMBERED = 5_000
ISSUER = "http://127.0.0.1:1"
AUDIENCE = "qmcp"
METHOD = methods_of(tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"])[0]


class Everybody:
    """A resolver in memory: what is measured is the check that needs none."""

    async def resolve_key(self, key: credentials.ApiKey) -> ResolvedKey | None:
        return ResolvedKey(key.id, frozenset({"tools.read", "tools.invoke"}), 1_000_000, time.time() + 3600)

    async def resolve_roles(self, roles: Sequence[str]) -> ResolvedRoles:
        return ResolvedRoles(frozenset(roles))

    async def changes(self) -> AsyncIterator[str]:
        yield ""

    async def report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        """Nobody listens."""


def bench(folder: Path, plan: Plan) -> Section:
    del folder
    section = Section(f"The check of a caller, {REMEMBERED:,} remembered: CPU µs a call")
    found = asyncio.run(_measure(plan))
    section.table = [("", "µs a call"), *((name, f"{used:.1f}") for name, used in found.items())]
    section.rows = [
        Row(f"the check of {name}", f"< {GOAL_US} µs", f"{used:.1f} µs")
        for name, used in found.items()
        if name != "nobody (auth off)"
    ]
    section.notes = ["The whole check: header, digest, comparison, rate, permission. With auth off it is not made."]
    return section


async def _measure(plan: Plan) -> dict[str, float]:
    private = ec.generate_private_key(ec.SECP256R1())
    tokens = Tokens(ISSUER, AUDIENCE, f"{ISSUER}/keys", "roles")
    # The issuer's keys as if they had been fetched.
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    tokens._keys = {"bench": jwt.PyJWK({**public, "alg": "ES256"})}
    tokens._fetched_at = time.monotonic()
    checked = Authentication(
        Everybody(), tokens, CollectorRegistry(), strangers=Strangers(50, 0), remember_seconds=3600, stale_seconds=3600
    )
    texts = [credentials.generate()[0] for _ in range(REMEMBERED)]
    for text in texts:
        await checked.authenticate(_call({"x-api-key": text}))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 3600, "roles": ["tools.invoke"]}
    token = jwt.encode(claims, private, "ES256", headers={"kid": "bench"})
    off = Keyless()
    kinds: dict[str, Callable[[], Awaitable[object]]] = {
        "nobody (auth off)": lambda: off.authenticate(_call({})),
        "a remembered key": lambda: checked.authenticate(_call({"x-api-key": texts[7]})),
        "a remembered token": lambda: checked.authenticate(_call({"authorization": f"Bearer {token}"})),
    }
    used: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(plan.rounds):
        for name, check in kinds.items():
            before = time.process_time()
            for _ in range(CALLS):
                principal = await check()
                principal.may("tools.invoke")  # type: ignore[attr-defined]
            used[name].append(1e6 * (time.process_time() - before) / CALLS)
    return {name: median(rounds) for name, rounds in used.items()}


def _call(headers: dict[str, str]) -> RequestContext:
    return RequestContext({"user-agent": "bench", **headers}, METHOD)
