"""Makes sound exports of receipts by the recipe, with nothing of the verifier in it."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

START = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
KEY_ID = hashlib.sha256(KEY.public_key().public_bytes_raw()).hexdigest()[:16]

texts = st.text(st.characters(codec="utf-8"), max_size=6)
numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)


@dataclass
class Ended:
    """What is to be proven of one invocation."""

    chain: int = 0
    arguments: dict[str, Any] = field(default_factory=lambda: {"message": "hi"})
    result: Any = "hi"
    error: str = ""
    redacted: tuple[str, ...] = ()
    sign_after: bool = False
    approval: "Approved | None" = None


@dataclass
class Approved:
    """What humans said before it ran."""

    status: str = "approved"
    decided_by: tuple[str, ...] = ("anna",)
    comment: str = ""
    edited: Any = None


approvals = st.builds(
    Approved,
    status=st.sampled_from(["pending", "approved", "rejected"]),
    decided_by=st.lists(texts, max_size=2).map(tuple),
    comment=texts,
    edited=st.none() | st.dictionaries(texts, json_values, max_size=2),
)
outcomes = st.builds(
    Ended,
    chain=st.integers(0, 2),
    arguments=st.dictionaries(texts, json_values, max_size=3),
    result=json_values,
    error=texts,
    redacted=st.sampled_from([(), (), (), ("input_params",), ("result",), ("result", "input_params")]),
    sign_after=st.booleans(),
    approval=st.none() | approvals,
)


def time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest(salt: bytes, value: Any) -> str:
    return hashlib.sha256(salt + rfc8785.dumps(value)).hexdigest()


def export(ended: list[Ended], key: Ed25519PrivateKey = KEY, key_id: str = KEY_ID) -> list[dict[str, Any]]:
    """The lines of an export as objects."""
    receipts: list[dict[str, Any]] = []
    checkpoints: list[dict[str, Any]] = []
    heads: dict[str, tuple[int, str]] = {}
    for number, one in enumerate(ended):
        chain = f"00000000-0000-7000-8000-00000000000{one.chain}"
        sequence, previous = heads.get(chain, (0, hashlib.sha256(chain.encode()).hexdigest()))
        line = receipt_line(one, number, chain, sequence + 1, previous)
        receipts.append(line)
        heads[chain] = (sequence + 1, line["receipt"]["digest"])
        if one.sign_after:
            before = checkpoints[-1]["checkpoint"]["content"] if checkpoints else None
            checkpoints.append(checkpoint_line(heads, before, len(checkpoints) + 1, key, key_id))
    receipts.sort(key=lambda line: (line["receipt"]["chain_id"], line["receipt"]["sequence"]))
    return [*receipts, *checkpoints, {"done": True, "count": len(receipts)}]


def receipt_line(one: Ended, number: int, chain: str, sequence: int, previous: str) -> dict[str, Any]:
    input_salt, result_salt = bytes([number % 256] * 16), bytes([255 - number % 256] * 16)
    created, completed = START + timedelta(seconds=number), START + timedelta(seconds=number, microseconds=1500)
    row: dict[str, Any] = {
        "id": f"{number:08x}-0000-7000-8000-000000000000",
        "tool_name": "echo",
        "tool_etag": "e1",
        "status": "failed" if one.error else "success",
        "error_reason": "TOOL_RAISED" if one.error else "",
        "duration_ms": 2,
        "created_at": time(created),
        "completed_at": time(completed),
        "correlation_id": "c0ffee00",
        "idempotency_key": "",
        "principal": "developer",
    }
    stated = {
        **row,
        "begun_as": "pending",
        "chain_id": chain,
        "input_digest": digest(input_salt, one.arguments),
        "kind": "invocation/1",
        "refused": False,
        "result_digest": digest(result_salt, {"error": one.error, "result": one.result}),
        "sequence": sequence,
        "replica": chain,
    }
    gone = one.redacted
    if one.approval is not None:
        add_approval(row, stated, one, chain, input_salt)
    content = rfc8785.dumps(stated)
    row["input_params"] = None if "input_params" in gone else one.arguments
    row["result"] = None if "result" in gone else one.result
    row["error"] = "" if "result" in gone else one.error
    row["redacted_fields"] = list(gone)
    receipt = {
        "chain_id": chain,
        "sequence": sequence,
        "previous_digest": previous,
        "digest": hashlib.sha256(bytes.fromhex(previous) + content).hexdigest(),
        "content": content.decode(),
        "input_salt": "" if "input_params" in gone else input_salt.hex(),
        "result_salt": "" if "result" in gone else result_salt.hex(),
    }
    return {"invocation": row, "receipt": receipt}


def add_approval(row: dict[str, Any], stated: dict[str, Any], one: Ended, replica: str, salt: bytes) -> None:
    """What the row shows of an approval, and what the content states of it."""
    said = one.approval
    assert said is not None
    is_decided, is_redacted = said.status != "pending", "input_params" in one.redacted
    answer: dict[str, Any] = {"comment": said.comment, "edited_arguments": said.edited}
    row["approval"] = {
        "human_request_id": f"invocation-{row['id']}",
        "status": said.status,
        "decided_by": list(said.decided_by) if is_decided else [],
        "decided_at": row["completed_at"] if is_decided else None,
        **(answer if is_decided and not is_redacted else {"comment": "", "edited_arguments": None}),
        "arguments_digest": "" if is_redacted else digest(b"", one.arguments),
    }
    stated |= {"kind": "invocation/2", "begun_as": "awaiting_approval"}
    stated["approval"] = {name: row["approval"][name] for name in ("human_request_id", "status")}
    if is_decided:
        stated["approval"] |= {
            "decided_at": row["completed_at"],
            "decided_by": list(said.decided_by),
            "digest": digest(salt, answer),
            "replica": replica,
        }


def checkpoint_line(
    heads: dict[str, tuple[int, str]],
    before: str | None,
    sequence: int,
    key: Ed25519PrivateKey,
    key_id: str,
) -> dict[str, Any]:
    signed_at = time(START + timedelta(minutes=sequence))
    stated = {
        "chains": [{"digest": head, "id": chain, "sequence": place} for chain, (place, head) in sorted(heads.items())],
        "previous": "0" * 64 if before is None else hashlib.sha256(before.encode()).hexdigest(),
        "sequence": sequence,
        "signed_at": signed_at,
    }
    content = rfc8785.dumps(stated)
    return {
        "checkpoint": {
            "sequence": sequence,
            "signed_at": signed_at,
            "content": content.decode(),
            "signature": key.sign(content).hex(),
            "key_id": key_id,
        },
    }


def encode(lines: list[dict[str, Any]]) -> list[bytes]:
    return [orjson.dumps(line) for line in lines]
