"""docs/receipts.md is right: its example recomputed from its own words, and by the code that writes receipts."""

import hashlib
import json
import re
from datetime import datetime
from uuid import UUID

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.tools.audit import receipts
from services.tools.audit.checkpoints import key_id
from services.tools.models import Intent, Outcome
from tests.architecture import tree

PAGE = tree.text("docs/receipts.md")
EXAMPLE = dict(re.findall(r"^\| ([a-z_ ]+) \| `(.*)` \|$", PAGE.partition("## A worked example")[2], re.MULTILINE))
CONTENT = json.loads(EXAMPLE["content"])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_example_follows_from_the_recipe() -> None:
    for document, salt, expected in (
        ("arguments", "input_salt", "input_digest"),
        ("outcome", "result_salt", "result_digest"),
    ):
        canonical = rfc8785.dumps(json.loads(EXAMPLE[document]))
        assert canonical.decode() == EXAMPLE[document]
        assert digest(bytes.fromhex(EXAMPLE[salt]) + canonical) == EXAMPLE[expected] == CONTENT[expected]
    assert rfc8785.dumps(CONTENT).decode() == EXAMPLE["content"]
    assert digest(CONTENT["chain_id"].encode()) == EXAMPLE["previous_digest"]
    assert digest(bytes.fromhex(EXAMPLE["previous_digest"]) + EXAMPLE["content"].encode()) == EXAMPLE["digest"]
    assert json.loads(EXAMPLE["checkpoint"])["chains"][0]["digest"] == EXAMPLE["digest"]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(EXAMPLE["public key"]))
    key.verify(bytes.fromhex(EXAMPLE["signature"]), EXAMPLE["checkpoint"].encode())
    assert digest(key.public_bytes_raw())[:16] == EXAMPLE["key_id"] == key_id(key)


def test_the_code_writes_the_same_content() -> None:
    salt = bytes.fromhex(EXAMPLE["input_salt"])
    intent = Intent(
        id=UUID(CONTENT["id"]),
        tool_name=CONTENT["tool_name"],
        tool_etag=CONTENT["tool_etag"],
        input_params=EXAMPLE["arguments"],
        input_salt=salt,
        input_digest=receipts.salted_digest(EXAMPLE["arguments"], salt),
        principal=CONTENT["principal"],
        correlation_id=CONTENT["correlation_id"],
        idempotency_key=CONTENT["idempotency_key"],
        begun_as=CONTENT["begun_as"],
        refused=CONTENT["refused"],
        replica=UUID(CONTENT["replica"]),
        created_at=datetime.fromisoformat(CONTENT["created_at"]),
    )
    outcome = Outcome(intent, "success", '"hello"', "", "", datetime.fromisoformat(CONTENT["completed_at"]))
    document = receipts.result_document(outcome.result, outcome.error)
    assert document == EXAMPLE["outcome"]
    result_digest = receipts.salted_digest(document, bytes.fromhex(EXAMPLE["result_salt"]))
    written = receipts.content(outcome, UUID(CONTENT["chain_id"]), CONTENT["sequence"], result_digest)
    assert written.decode() == EXAMPLE["content"]


def test_the_page_names_every_key_of_the_content() -> None:
    table = PAGE.partition("| Key | Value |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.partition(" | ")[0])}
    assert named == set(CONTENT)
    assert "nineteen keys" in PAGE
    assert len(CONTENT) == 19
