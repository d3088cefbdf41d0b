"""Tokens of an OpenID Connect issuer: only what it signed, for us, for now, is taken."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from grpc import StatusCode

from servicekit.errors import ServiceError
from servicekit.identity import tokens
from servicekit.identity.tokens import Tokens
from tests.servicekit.issuer import AUDIENCE, Issuer, serving_issuer


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving_issuer() as issuer:
        yield issuer


def verifier(issuer: Issuer, claim: str = "roles", jwks_url: str = "", client_id: str = "") -> Tokens:
    return Tokens(issuer.url, AUDIENCE, jwks_url, claim, client_id)


async def refused(verify: Tokens, token: str, code: StatusCode = StatusCode.UNAUTHENTICATED) -> ServiceError:
    with pytest.raises(ServiceError) as error:
        await verify.verify(token)
    assert error.value.code is code, error.value
    return error.value


@pytest.mark.parametrize("key", ["rsa", "ec"])
async def test_a_good_token_says_who_and_which_roles(issuer: Issuer, key: str) -> None:
    for verify in (verifier(issuer), verifier(issuer, jwks_url=f"{issuer.url}/keys")):
        identity = await verify.verify(issuer.token(key))
        assert (identity.principal, identity.roles) == ("oidc:alice", ("agent",))
        assert identity.valid_until == pytest.approx(time.time() + 600, abs=5)


async def test_keys_are_fetched_once_for_many_callers(issuer: Issuer) -> None:
    verify = verifier(issuer)
    await asyncio.gather(*(verify.verify(issuer.token(sub=f"user{number}")) for number in range(50)))
    assert issuer.fetched == 1


BAD: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 60},
    "without an end": {"exp": None},
    "not valid yet": {"nbf": int(time.time()) + 3600},
    "for another audience": {"aud": "somebody-else"},
    "for many others": {"aud": ["a", "b"]},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "http://127.0.0.1:1"},
    "of no issuer": {"iss": None},
    "of nobody": {"sub": None},
    "of an empty name": {"sub": ""},
    "of a name with a line break": {"sub": "alice\nadmin"},
    "of a name with an escape": {"sub": "alice\x1b[2J"},
    "of a name with a zero": {"sub": "alice\0"},
    "of a name written backwards": {"sub": "alice\u202enimda"},
    "of a name without an end": {"sub": "a" * 124},
    "of a number": {"sub": 7},
    "with an end past all dates": {"exp": 10**400},
    "with an end that is a word": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
async def test_a_token_that_is_not_for_us_now_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    _, key = issuer.keys["rsa"]
    # By hand, since the library does not sign some of these.
    token = jwt.api_jws.encode(json.dumps(issuer.claims(**claims)).encode(), key, "RS256", headers={"kid": "rsa"})
    await refused(verifier(issuer), token)


async def test_an_end_that_is_infinite_is_refused(issuer: Issuer) -> None:
    _, key = issuer.keys["rsa"]
    for number in ("Infinity", "NaN", "-Infinity"):
        text = json.dumps(issuer.claims(exp=0)).replace('"exp": 0', f'"exp": {number}')
        await refused(verifier(issuer), jwt.api_jws.encode(text.encode(), key, "RS256", headers={"kid": "rsa"}))


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


async def test_a_public_key_is_no_secret_to_sign_with(issuer: Issuer) -> None:
    for name in ("rsa", "ec"):
        public = issuer.keys[name][1].public_key()
        for encoding, form in (
            (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ):
            for algorithm in ("HS256", "hs256"):
                unsigned = by_hand({"alg": algorithm, "kid": name, "typ": "JWT"}, issuer.claims()).rstrip(".")
                mac = hmac.digest(public.public_bytes(encoding, form), unsigned.encode(), hashlib.sha256)
                token = f"{unsigned}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
                await refused(verifier(issuer), token)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, ["RS256"]])
async def test_a_token_without_a_signature_is_refused(issuer: Issuer, algorithm: Any) -> None:
    for signature in (b"", b"x"):
        await refused(verifier(issuer), by_hand({"alg": algorithm, "kid": "rsa"}, issuer.claims(), signature))


async def test_a_signature_of_another_key_or_algorithm_is_refused(issuer: Issuer) -> None:
    verify = verifier(issuer)
    stranger = Issuer()
    for key, claimed in (("rsa", "rsa"), ("ec", "ec"), ("rsa", "ec"), ("ec", "rsa")):
        algorithm, private = stranger.keys[key]
        await refused(verify, jwt.encode(issuer.claims(), private, algorithm, headers={"kid": claimed}))
        algorithm, private = issuer.keys[key]
        if key != claimed:
            await refused(verify, jwt.encode(issuer.claims(), private, algorithm, headers={"kid": claimed}))
    head, body, signature = issuer.token().split(".")
    other = by_hand({}, issuer.claims(sub="mallory")).split(".")[1]
    await refused(verify, f"{head}.{other}.{signature}")
    await refused(verify, f"{head}.{body}.{signature[:-4]}")
    # A key that the token brings along proves nothing.
    brought = stranger.published()["keys"][0]
    await refused(
        verify, jwt.encode(issuer.claims(), stranger.keys["rsa"][1], "RS256", headers={"kid": "rsa", "jwk": brought})
    )


@pytest.mark.parametrize(
    "header",
    ["[" * 2_000, '{"a":' * 2_000, "null", "7", '"text"', "{}", '{"alg":"RS256","kid":["rsa"]}', '{"alg":"RS256","kid":{}}',
     '{"alg":"RS256","kid":"rsa","crit":["x"]}', '{"alg":"RS256","kid":"rsa","b64":false}', "9" * 5_000],
    ids=range(11),
)  # fmt: skip
async def test_what_trips_parsers_is_refused(issuer: Issuer, header: str) -> None:
    encoded = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    body = issuer.token().split(".")[1]
    await refused(verifier(issuer), f"{encoded}.{body}.AAAA")
    good_head = issuer.token().split(".")[0]
    await refused(verifier(issuer), f"{good_head}.{encoded}.AAAA")


async def test_the_reason_does_not_show_the_token(issuer: Issuer) -> None:
    token = issuer.token(exp=1)
    error = await refused(verifier(issuer), token)
    assert not any(part in str(error) for part in token.split("."))


async def test_new_keys_are_found_when_a_token_names_one(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MIN_FETCH_SECONDS", 0.3)
    verify = verifier(issuer)
    await verify.verify(issuer.token())
    issuer.new_key("next", "ES256")
    early = issuer.token("next")
    await refused(verify, early)
    await asyncio.sleep(0.35)
    assert (await verify.verify(early)).principal == "oidc:alice"


async def test_names_of_keys_that_nobody_published_do_not_flood_the_issuer(issuer: Issuer) -> None:
    verify = verifier(issuer)
    good = issuer.token()
    await verify.verify(good)
    _, key = issuer.keys["rsa"]
    for number in range(200):
        await refused(verify, jwt.encode(issuer.claims(), key, "RS256", headers={"kid": f"made-up-{number}"}))
    assert issuer.fetched == 1
    assert (await verify.verify(good)).principal == "oidc:alice"


async def test_a_withdrawn_key_is_good_no_longer_not_even_for_a_token_seen_before(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MIN_FETCH_SECONDS", 0.1)
    verify = verifier(issuer)
    seen = issuer.token("ec")
    await verify.verify(seen)
    del issuer.keys["ec"]
    issuer.new_key("next", "RS256")
    await asyncio.sleep(0.15)
    await verify.verify(issuer.token("next"))
    await refused(verify, seen)


async def test_an_issuer_that_is_down_at_first_is_waited_for(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "AGAIN_SECONDS", 0.2)
    issuer.up = False
    verify = verifier(issuer, jwks_url=f"{issuer.url}/keys")
    answers = await asyncio.gather(*(refused(verify, issuer.token(), StatusCode.UNAVAILABLE) for _ in range(50)))
    assert len(answers) == 50
    assert issuer.fetched == 1, "those who wait together ask together"
    issuer.up = True
    await asyncio.sleep(0.25)
    assert (await verify.verify(issuer.token())).principal == "oidc:alice"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "", None, ["RS256"], "RSA-OAEP", "ES256K"])
async def test_what_no_issuer_signs_is_refused_before_the_issuer_was_ever_reached(
    issuer: Issuer, algorithm: Any
) -> None:
    issuer.up = False
    for signature in (b"", b"x"):
        await refused(verifier(issuer), by_hand({"alg": algorithm, "kid": "rsa"}, issuer.claims(), signature))
    assert issuer.fetched == 0


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
async def test_what_is_not_for_us_now_is_refused_before_the_issuer_was_ever_reached(
    issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.up = False
    _, key = issuer.keys["rsa"]
    token = jwt.api_jws.encode(json.dumps(issuer.claims(**claims)).encode(), key, "RS256", headers={"kid": "rsa"})
    await refused(verifier(issuer), token)
    assert issuer.fetched == 0


OTHER_PURPOSES: dict[str, dict[str, Any]] = {
    "to encrypt": {"use": "enc"},
    "of a purpose that there is not": {"use": "SIG"},
    "to sign only": {"key_ops": ["sign"]},
    "to wrap keys": {"key_ops": ["wrapKey", "unwrapKey"]},
    "for nothing": {"key_ops": []},
    "for what is no list": {"key_ops": "verify"},
    "to encrypt, and yet with operations": {"use": "enc", "key_ops": ["verify"]},
    "of another algorithm": {"alg": "RS512"},
    "of an algorithm that encrypts": {"alg": "RSA-OAEP"},
    "of a secret's algorithm": {"alg": "HS256"},
}


@pytest.mark.parametrize("told", OTHER_PURPOSES.values(), ids=OTHER_PURPOSES.keys())
async def test_a_key_for_another_purpose_verifies_no_signature(issuer: Issuer, told: dict[str, Any]) -> None:
    rsa, ec = issuer.published()["keys"]
    issuer.odd = {"keys": [{**rsa, **told}, ec]}
    verify = verifier(issuer)
    assert (await verify.verify(issuer.token("ec"))).principal == "oidc:alice"
    await refused(verify, issuer.token("rsa"))
    # It is refused as a token, not as an issuer that is away, where there is no other key.
    if "alg" not in told:
        issuer.odd = {"keys": [{**rsa, **told}]}
        await refused(verifier(issuer), issuer.token("rsa"))


@pytest.mark.parametrize("left_out", [("use",), ("alg",), ("use", "alg")], ids=" and ".join)
async def test_a_key_that_says_less_verifies_what_its_kind_signs(issuer: Issuer, left_out: tuple[str, ...]) -> None:
    keys = [{name: value for name, value in jwk.items() if name not in left_out} for jwk in issuer.published()["keys"]]
    issuer.odd = {"keys": keys}
    verify = verifier(issuer)
    for key in ("rsa", "ec"):
        assert (await verify.verify(issuer.token(key))).principal == "oidc:alice"


async def test_while_the_issuer_is_down_later_its_keys_go_on_counting(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "KEYS_SECONDS", 0.2)
    monkeypatch.setattr(tokens, "MIN_FETCH_SECONDS", 0.1)
    verify = verifier(issuer)
    await verify.verify(issuer.token())
    issuer.up = False
    await asyncio.sleep(0.25)
    assert (await verify.verify(issuer.token(sub="bob"))).principal == "oidc:bob"
    issuer.up = True


@pytest.mark.parametrize("odd", [[], "keys", 7, {"keys": 7}, {"keys": []}, {"keys": [{"kty": "none"}]}, {}])
async def test_a_page_of_keys_that_is_none_lets_nobody_in(issuer: Issuer, odd: Any) -> None:
    issuer.odd = odd
    await refused(verifier(issuer), issuer.token(), StatusCode.UNAVAILABLE)


async def test_a_symmetric_key_among_the_published_is_not_used(issuer: Issuer) -> None:
    secret = b"x" * 32
    oct_key = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")}
    issuer.odd = {"keys": [*issuer.published()["keys"], oct_key]}
    await refused(verifier(issuer), jwt.encode(issuer.claims(), secret, "HS256", headers={"kid": "oct"}))


async def test_roles_come_from_the_claim_that_the_setting_names(issuer: Issuer) -> None:
    nested = {"realm_access": {"roles": ["reader", "agent"]}, "scope": "agent reader", "roles": None}
    token = issuer.token(**nested)
    assert (await verifier(issuer, "realm_access.roles").verify(token)).roles == ("reader", "agent")
    assert (await verifier(issuer, "scope").verify(token)).roles == ("agent", "reader")
    for claim in ("roles", "realm_access", "realm_access.roles.deeper", "nothing.at.all", "exp"):
        assert (await verifier(issuer, claim).verify(token)).roles == ()


async def test_a_claim_whose_name_is_an_address_is_looked_up_whole_before_it_is_a_path(issuer: Issuer) -> None:
    address = "https://qmcp.example.com/roles"
    named: dict[str, Any] = {"https://qmcp": {"example.com/roles": ["admin"]}, "a.b": {"c.d": ["reader"]}}
    token = issuer.token(**named, **{address: ["agent"]})
    assert (await verifier(issuer, address).verify(token)).roles == ("agent",)
    assert (await verifier(issuer, "a.b.c.d").verify(token)).roles == ("reader",)
    for claim in ("https://qmcp.example.com/roles.deeper", "https://qmcp.example.com", "a.b", ".", ""):
        assert (await verifier(issuer, claim).verify(token)).roles == ()


@pytest.mark.parametrize("told", [{"client_id": "ours"}, {"azp": "ours"}, {"client_id": "ours", "azp": "ours"}])
async def test_a_token_without_an_audience_is_taken_from_the_client_that_a_setting_names(
    issuer: Issuer, told: dict[str, Any]
) -> None:
    token = issuer.token(aud=None, **told)
    assert (await verifier(issuer, client_id="ours").verify(token)).principal == "oidc:alice"
    await refused(verifier(issuer), token)
    await refused(verifier(issuer, client_id="theirs"), token)


@pytest.mark.parametrize(
    "told",
    [
        {"aud": None},
        {"aud": None, "client_id": "ours", "azp": "theirs"},
        {"aud": None, "client_id": ["ours"]},
        {"aud": None, "client_id": ""},
        {"aud": None, "sub": "ours"},
        {"aud": "theirs", "client_id": "ours"},
        {"aud": [], "client_id": "ours"},
        {"aud": "", "client_id": "ours"},
    ],
    ids=str,
)
async def test_a_token_of_our_client_for_somebody_else_is_refused(issuer: Issuer, told: dict[str, Any]) -> None:
    await refused(verifier(issuer, client_id="ours"), issuer.token(**told))
    assert (await verifier(issuer, client_id="ours").verify(issuer.token(azp="theirs"))).principal == "oidc:alice"


@pytest.mark.parametrize("audience", [[""], "", [], AUDIENCE, None])
async def test_where_no_audience_is_set_a_token_for_somebody_is_for_somebody_else(
    issuer: Issuer, audience: Any
) -> None:
    await refused(Tokens(issuer.url, "", "", "roles"), issuer.token(aud=audience))


async def test_what_is_no_name_of_a_role_is_left_out(issuer: Issuer) -> None:
    odd = ["agent", 7, None, "", "Admin", "*", "x" * 200, "a\0b", "a b", {"a": 1}, "r\u00f6le"]
    assert (await verifier(issuer).verify(issuer.token(roles=odd))).roles == ("agent",)


async def test_tokens_are_remembered_within_bounds(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_REMEMBERED", 10)
    verify = verifier(issuer)
    for number in range(25):
        await verify.verify(issuer.token("ec", sub=f"user{number}"))
    assert len(verify._good) == 10
