"""More than a thousand credentials that are none, the same in every run; many hold a word that must never be seen again."""

import base64
import json
import random
import string
from collections.abc import Iterator

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

# What a log, an answer or a metric must not show of a credential.
CANARY = "cAnArY7"
PRINTABLE = string.ascii_letters + string.digits + string.punctuation
Headers = dict[str, str]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _secret(chance: random.Random) -> str:
    return CANARY + "".join(chance.choices(string.ascii_letters + string.digits, k=43 - len(CANARY)))


def _keys(chance: random.Random, valid: str) -> Iterator[str]:
    """Near misses of a key."""
    for _ in range(150):
        key_id = "".join(chance.choices("0123456789abcdef", k=16))
        yield f"qmcp_{key_id}_{_secret(chance)}"
    for _ in range(300):
        # One character of a valid one is another, too many, or missing.
        at = chance.randrange(len(valid))
        letter = chance.choice(PRINTABLE)
        changed = chance.choice(
            (valid[:at] + letter + valid[at + 1 :], valid[:at] + letter + valid[at:], valid[:at] + valid[at + 1 :])
        )
        if changed != valid:
            yield changed
    yield from (
        valid.upper(),
        valid.swapcase(),
        valid[::-1],
        f"{valid},{valid}",
        f"{valid};",
        f'"{valid}"',
        f"{valid}=",
        valid * 2,
    )
    key_id, _, secret = valid.removeprefix("qmcp_").partition("_")
    yield from (key_id, f"qmcp_{key_id}", f"qmcp_{key_id}_", f"_{secret}", f"qmcp__{CANARY}", f"qmcp_{CANARY}_{key_id}")


def _noise(chance: random.Random) -> Iterator[str]:
    """Whatever a header can carry."""
    for length in (1, 2, 3, 7, 20, 64, 65, 66, 200, 1_000, 4_000):
        for _ in range(15):
            yield CANARY + "".join(chance.choices(PRINTABLE, k=length))
    yield from (
        "../../etc/passwd",
        "${jndi:ldap://127.0.0.1/a}",
        "' OR '1'='1",
        "%00",
        "%0d%0aX-Admin: 1",
        "{}",
        "[]",
        "null",
        "admin",
    )
    yield from ("." * n for n in range(1, 6))
    yield from ("x." * n + CANARY for n in (1, 2, 3, 4))


def _tokens(chance: random.Random) -> Iterator[str]:
    """What looks like a JWT."""
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": "admin", "roles": ["admin"], "aud": "qmcp", "iss": "http://127.0.0.1:1", "exp": 4_000_000_000}
    for number in range(40):
        yield jwt.encode({**claims, "note": CANARY}, key, "ES256", headers={"kid": f"{CANARY}{number}"})
    algorithms = (
        "none",
        "None",
        "HS256",
        "HS512",
        "RS256",
        "ES256",
        "EdDSA",
        "",
        "A" * 100,
        7,
        None,
        ["RS256"],
        {"a": 1},
    )
    for algorithm in algorithms:
        for kid in ("x", "", 7, None, "../../key", CANARY, ["x"]):
            head, body = (_b64(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": kid}, claims))
            yield from (f"{head}.{body}.", f"{head}.{body}.{_b64(CANARY.encode())}")
    for head in ("[" * 2_500, '{"a":' * 500, "null", "{}", "9" * 4_500, '"x"', "\0", "{"):
        yield from (f"{_b64(head.encode())}.{_b64(b'{}')}.{_b64(b'x')}", f"{_b64(b'{}')}.{_b64(head.encode())}.x")
    for _ in range(150):
        yield ".".join(_b64(chance.randbytes(chance.randrange(0, 60))) for _ in range(3))


def malformed(valid: str) -> list[Headers]:
    """Headers with credentials that must not be let in.

    Args:
        valid: a key that is; what is nearly it is among them.
    """
    chance = random.Random(20_261_121)
    credentials = [*_keys(chance, valid), *_noise(chance), *_tokens(chance)]
    found: list[Headers] = [{"x-api-key": text} for text in credentials]
    found += [{"authorization": f"Bearer {text}"} for text in credentials]
    for scheme in ("Basic", "Digest", "Negotiate", "Token", "ApiKey", "", "bearer:", "Bearer,"):
        found += [
            {"authorization": f"{scheme} {valid}".strip()},
            {"authorization": f"{scheme} {_b64(CANARY.encode())}"},
        ]
    # Where no credential is looked for, and a wrong one that stands before a right one.
    elsewhere = (
        "x-apikey",
        "api-key",
        "x-auth-token",
        "cookie",
        "x-forwarded-user",
        "x-qmcp-principal",
        "proxy-authorization",
    )
    found += [{name: valid} for name in elsewhere]
    found += [{"x-api-key": "wrong", "authorization": f"Bearer {valid}"}]
    # Keys go in their own header bare, and `Bearer` alone is no credential.
    found += [{"x-api-key": f"Bearer {valid}"}, {"authorization": valid}, {"authorization": "Bearer"}, {}]
    return [headers for headers in found if all(text == text.strip() for text in headers.values())]
