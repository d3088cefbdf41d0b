"""The offline verifier: a sound export passes, and every kind of change to one is found and named."""

import copy
import hashlib
import itertools
from typing import Any

import orjson
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from qmcp.client.receipts import PublicKeys, verify_export
from qmcp.client.receipts.canonical import canonical
from qmcp.client.tools.verification import ReceiptVerification

from tests.client.exports import KEY, PEM, Approved, Ended, encode, export, json_values, outcomes

KEYS = PublicKeys(PEM)
# How fast examples are made depends on who else is at work on this machine.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
some = st.lists(outcomes, min_size=1, max_size=6)


def verify(lines: list[dict[str, Any]], **options: bool) -> ReceiptVerification:
    return verify_export(encode(lines), KEYS, **options)


def kinds(found: ReceiptVerification) -> set[str]:
    return {fault.kind for fault in found.faults}


def signed(count: int) -> list[dict[str, Any]]:
    return export([Ended(sign_after=number == count - 1) for number in range(count)])


@given(json_values)
def test_canonical_json_is_that_of_rfc_8785_on_the_fast_path_too(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53, b"9007199254740992"),
        (10**21, b"1e+21"),
        (-(10**20), b"-100000000000000000000"),
        ({"a": 1.0, "\U00010000": 1, "\ue000": 2}, '{"a":1,"\U00010000":1,"\ue000":2}'.encode()),
    ],
)
def test_numbers_are_doubles_and_keys_stand_in_the_order_of_utf_16(value: Any, expected: bytes) -> None:
    assert canonical(value) == expected


@given(some)
def test_a_sound_export_has_no_fault(ended: list[Ended]) -> None:
    found = verify(export(ended))
    assert found.faults == ()
    assert found.valid
    assert found.receipts_verified == len(ended)
    assert found.checkpoints_verified == sum(one.sign_after for one in ended)
    last_signed = max((number for number, one in enumerate(ended) if one.sign_after), default=-1)
    assert found.receipts_unsigned == len(ended) - 1 - last_signed
    assert found.receipts_redacted == sum(bool(one.redacted) for one in ended)


@given(some, st.data())
def test_no_byte_can_be_flipped_unnoticed_and_the_row_is_named(ended: list[Ended], data: st.DataObject) -> None:
    lines = encode(export(ended))
    number = data.draw(st.integers(0, len(lines) - 1), label="line")
    place = data.draw(st.integers(0, len(lines[number]) - 1), label="byte")
    bit = data.draw(st.sampled_from([1 << n for n in range(8)]), label="bit")
    changed = bytearray(lines[number])
    changed[place] ^= bit
    before = orjson.loads(lines[number])
    try:
        after = orjson.loads(changed)
    except ValueError:
        after = None
    # A different spelling of the same values, such as e+5 for e5, is no change.
    assume(after != before or _types(after) != _types(before))
    assume(not _same_but_for_the_spelling_of_nothing(before, after))
    lines[number] = bytes(changed)
    found = verify_export(lines, KEYS)
    assert not found.valid
    if "receipt" in before:
        row, receipt = before["invocation"], before["receipt"]
        names = {(fault.chain_id, fault.sequence) for fault in found.faults}
        assert (receipt["chain_id"], receipt["sequence"]) in names or any(
            fault.invocation_id == row["id"] or f"line {number + 1}" in fault.detail for fault in found.faults
        )


@given(some, st.data())
def test_no_value_of_a_row_can_be_changed_unnoticed(ended: list[Ended], data: st.DataObject) -> None:
    lines = export(ended)
    number = data.draw(st.integers(0, len(ended) - 1), label="line")
    row = lines[number]["invocation"]
    name = data.draw(st.sampled_from(sorted(row)), label="field")
    value = data.draw(json_values, label="value")
    before = row[name]
    assume(not _same(name, before, value))
    row[name] = value
    found = verify(lines)
    assert not found.valid
    receipt = lines[number]["receipt"]
    assert (receipt["chain_id"], receipt["sequence"]) in {(fault.chain_id, fault.sequence) for fault in found.faults}


@given(some, st.data())
def test_no_field_can_be_added_or_removed_unnoticed(ended: list[Ended], data: st.DataObject) -> None:
    lines = export(ended)
    line = data.draw(st.sampled_from(lines[: len(ended)]), label="line")
    part = line[data.draw(st.sampled_from(["invocation", "receipt"]))]
    if data.draw(st.booleans(), label="add"):
        part["approved_by"] = "mallory"
    else:
        name = data.draw(st.sampled_from(sorted(part)), label="field")
        assume(part.pop(name) not in (None, "", {}, []))
    assert not verify(lines).valid


@given(st.lists(outcomes, min_size=2, max_size=6), st.data())
def test_no_line_can_be_dropped_doubled_or_moved_unnoticed(ended: list[Ended], data: st.DataObject) -> None:
    lines = export([*ended, Ended(sign_after=True)])
    number = data.draw(st.integers(0, len(lines) - 1), label="line")
    line = lines.pop(number)
    action = data.draw(st.sampled_from(["drop", "double", "move"]))
    if action == "double":
        lines[number:number] = [line, line]
    elif action == "move":
        to = data.draw(st.integers(0, len(lines)), label="to")
        lines.insert(to, line)
        # Chains may stand in any order, as long as each stands together.
        assume(to != number and not _is_in_order(lines))
    found = verify(lines)
    # Without the last checkpoint what it covers is unsigned again, and is said to be.
    assert not found.valid or found.receipts_unsigned > 0


@pytest.mark.parametrize("name", ["error", "error_reason", "idempotency_key", "redacted_fields"])
@pytest.mark.parametrize("value", [False, 0, {}])
def test_nothing_is_not_false_nor_zero(name: str, value: Any) -> None:
    lines = signed(1)
    lines[0]["invocation"][name] = value
    assert kinds(verify(lines)) == {"CONTENT_CHANGED"}


def test_a_gap_names_the_places_that_are_missing() -> None:
    lines = signed(5)
    del lines[1:3]
    lines[-1]["count"] = 3
    found = verify(lines)
    assert kinds(found) == {"RECEIPT_MISSING"}
    assert found.faults[0].sequence == 2
    assert "2 to 3" in found.faults[0].detail


def test_a_cut_tail_is_found_by_the_checkpoint() -> None:
    lines = signed(5)
    del lines[3:5]
    lines[-1]["count"] = 3
    [fault] = verify(lines).faults
    assert (fault.kind, fault.sequence) == ("RECEIPT_MISSING", 4)


def test_a_whole_chain_that_is_gone_is_found_by_the_checkpoint() -> None:
    lines = export([Ended(chain=0), Ended(chain=1, sign_after=True)])
    del lines[1]
    lines[-1]["count"] = 1
    [fault] = verify(lines).faults
    assert (fault.kind, fault.sequence) == ("RECEIPT_MISSING", 1)


def test_two_receipts_that_change_places_are_out_of_order_and_none_is_missing() -> None:
    lines = signed(4)
    lines[1], lines[2] = lines[2], lines[1]
    assert kinds(verify(lines)) == {"CHAIN_BROKEN"}


def test_a_chain_that_is_computed_anew_does_not_fit_its_checkpoint() -> None:
    lines = signed(3)
    forged = export([Ended(), Ended(result="forged"), Ended()])
    lines[:3] = forged[:3]
    assert kinds(verify(lines)) == {"CHECKPOINT_BROKEN"}


def test_a_checkpoint_by_another_key_is_foreign_even_under_the_trusted_keys_id() -> None:
    mallory = Ed25519PrivateKey.generate()
    [fault] = verify(export([Ended(sign_after=True)], key=mallory)).faults
    assert fault.kind == "SIGNATURE_WRONG"
    [fault] = verify(export([Ended(sign_after=True)], key=mallory, key_id="0" * 16)).faults
    assert fault.kind == "SIGNATURE_WRONG"
    assert "0" * 16 in fault.detail


def test_a_checkpoint_that_is_left_out_breaks_the_trail() -> None:
    lines = export([Ended(sign_after=True), Ended(sign_after=True), Ended(sign_after=True)])
    del lines[4]
    assert kinds(verify(lines)) == {"CHECKPOINT_BROKEN"}


def test_an_export_that_was_cut_off_says_so() -> None:
    found = verify(signed(3)[:-1])
    assert kinds(found) == {"RECEIPT_MISSING"}
    assert "cut off" in found.faults[0].detail


def test_a_flipped_result_gives_one_fault_that_names_the_row_and_the_field() -> None:
    lines = signed(3)
    lines[1]["invocation"]["result"] = "ho"
    [fault] = verify(lines).faults
    assert fault.kind == "CONTENT_CHANGED"
    assert fault.invocation_id == lines[1]["invocation"]["id"]
    assert fault.detail.startswith("result ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("human_request_id", "another"),
        ("status", "rejected"),
        ("decided_by", ["mallory"]),
        ("decided_by", []),
        ("decided_at", "2026-11-21T14:00:00.000000Z"),
        ("decided_at", None),
        ("comment", "never said"),
        ("edited_arguments", {"message": "forged"}),
        ("edited_arguments", None),
        ("arguments_digest", "0" * 64),
    ],
)
@pytest.mark.parametrize("redacted", [(), ("result",), ("input_params",)])
def test_a_change_of_an_approval_names_the_row(redacted: tuple[str, ...], name: str, value: Any) -> None:
    approved = Approved(comment="fine", edited={"message": "ho"})
    lines = export([Ended(), Ended(approval=approved, redacted=redacted, sign_after=True)])
    assert verify(lines).valid
    row = lines[1]["invocation"]
    if row["approval"][name] == value:
        # Erased already.
        return
    row["approval"][name] = value
    found = verify(lines)
    assert kinds(found) == {"CONTENT_CHANGED"}
    assert {fault.invocation_id for fault in found.faults} == {row["id"]}


def test_an_approval_can_be_neither_taken_away_nor_invented() -> None:
    lines = export([Ended(approval=Approved(), sign_after=True)])
    approval = lines[0]["invocation"].pop("approval")
    assert kinds(verify(lines)) == {"CONTENT_CHANGED"}
    lines = signed(1)
    lines[0]["invocation"]["approval"] = approval
    assert kinds(verify(lines)) == {"CONTENT_CHANGED"}


def test_an_erased_value_that_is_not_named_as_redacted_is_a_fault() -> None:
    lines = export([Ended(redacted=("input_params",), sign_after=True)])
    lines[0]["invocation"]["redacted_fields"] = []
    [fault] = verify(lines).faults
    assert fault.kind == "CONTENT_CHANGED"
    assert "redacted_fields" in fault.detail


def test_an_export_of_a_time_begins_where_it_begins() -> None:
    lines = signed(5)
    del lines[:2]
    lines[-1]["count"] = 3
    assert "RECEIPT_MISSING" in kinds(verify(lines))
    assert verify(lines, from_start=False).valid


def test_times_may_leave_out_the_zeros_that_protobuf_leaves_out() -> None:
    lines = signed(1)
    row = lines[0]["invocation"]
    row["created_at"] = row["created_at"].replace(".000000Z", "Z")
    row["completed_at"] = row["completed_at"].replace("500Z", "500000Z")
    assert row["created_at"].endswith(":00Z")
    assert verify(lines).valid


def test_several_keys_are_trusted_where_the_key_has_changed() -> None:
    other = Ed25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert verify_export(encode(signed(2)), PublicKeys(pem + PEM)).valid
    assert not verify_export(encode(signed(2)), PublicKeys(pem)).valid


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        PublicKeys(text)


@given(st.lists(st.binary(max_size=40) | json_values.map(orjson.dumps), max_size=4))
def test_no_line_makes_the_verifier_raise(lines: list[bytes]) -> None:
    assert not verify_export(lines, KEYS).valid


def test_values_that_nest_too_deep_are_a_fault_and_no_crash() -> None:
    lines = encode(signed(1))
    lines[0] = lines[0].replace(b'"result":"hi"', b'"result":' + b"[" * 500 + b"]" * 500)
    assert not verify_export(lines, KEYS).valid


def test_the_recipe_holds_for_one_receipt_computed_by_hand() -> None:
    line = export([Ended()])[0]
    receipt = line["receipt"]
    origin = hashlib.sha256(receipt["chain_id"].encode()).digest()
    assert receipt["previous_digest"] == origin.hex()
    assert receipt["digest"] == hashlib.sha256(origin + receipt["content"].encode()).hexdigest()
    salt = bytes.fromhex(receipt["input_salt"])
    expected = hashlib.sha256(salt + b'{"message":"hi"}').hexdigest()
    assert orjson.loads(receipt["content"])["input_digest"] == expected
    assert KEY.public_key() is not None


def _same(name: str, before: Any, after: Any) -> bool:
    """True where both say the same: what is not there may stand as null or as the field's own nothing."""
    nothing: Any = {"result": None, "input_params": {}, "redacted_fields": []}.get(name, "")
    return canonical(nothing if before is None else before) == canonical(nothing if after is None else after)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(item) for item in value]
    # 1 and 1.0 are one number in JSON, true and 1 are not.
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _same_but_for_the_spelling_of_nothing(before: Any, after: Any) -> bool:
    if not isinstance(after, dict) or before.keys() != after.keys() or "invocation" not in before:
        return False
    left, right = copy.deepcopy(before), copy.deepcopy(after)
    if not isinstance(right["invocation"], dict):
        return False
    for line in (left, right):
        line["invocation"] = {key: value for key, value in line["invocation"].items() if value not in (None, "", [])}
    return bool(left == right and _types(left) == _types(right))


def _is_in_order(lines: list[dict[str, Any]]) -> bool:
    if "done" not in lines[-1]:
        return False
    kinds = ["receipt" in line for line in lines[:-1]]
    if kinds != sorted(kinds, reverse=True):
        return False
    places = [(line["receipt"]["chain_id"], line["receipt"]["sequence"]) for line in lines if "receipt" in line]
    chains = [chain for chain, _ in places]
    together = sum(a != b for a, b in itertools.pairwise(chains)) + 1 == len(set(chains))
    numbers = [line["checkpoint"]["sequence"] for line in lines if "checkpoint" in line]
    rising = all(b == a + 1 for (c, a), (d, b) in itertools.pairwise(places) if c == d)
    return together and rising and numbers == sorted(numbers)
