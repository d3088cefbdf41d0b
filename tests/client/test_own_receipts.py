"""An export of one's own receipts: it has gaps, and is taken for whole by nobody who has not said so before."""

from typing import Any

import pytest
from qmcp.client.receipts import PublicKeys, verify_export
from qmcp.client.tools.verification import ReceiptVerification

from tests.client.exports import PEM, Ended, encode, export

KEYS = PublicKeys(PEM)
# As the rows of tests/client/exports.py have it.
OWN = "developer"


def own(*numbers: int, signed: tuple[int, ...] = (5,)) -> list[dict[str, Any]]:
    """Six receipts of one chain, of which only some are there."""
    lines = export([Ended(sign_after=number in signed) for number in range(6)])
    kept = [line for number, line in enumerate(lines[:6]) if number in numbers]
    return [*kept, *lines[6:-1], {"done": True, "count": len(kept), "principal": OWN}]


def verified(lines: list[dict[str, Any]], of: str = OWN) -> ReceiptVerification:
    return verify_export(encode(lines), KEYS, of=of)


def test_ones_own_receipts_hold_although_others_are_not_there() -> None:
    found = verified(own(1, 4))
    assert (found.valid, found.of, found.receipts_verified, found.checkpoints_verified) == (True, OWN, 2, 1)


@pytest.mark.parametrize("of", ["", "somebody"])
def test_an_export_that_says_so_of_itself_is_refused_by_whoever_wanted_all(of: str) -> None:
    found = verified(own(0, 1, 2, 3, 4, 5), of)
    assert (found.valid, found.of, {fault.kind for fault in found.faults}) == (False, "", {"RECEIPT_MISSING"})


def test_a_whole_export_is_held_to_all_that_it_should_have() -> None:
    lines = own(1, 4)
    del lines[-1]["principal"]
    assert "RECEIPT_MISSING" in {fault.kind for fault in verified(lines).faults}


def test_what_others_did_does_not_belong_there() -> None:
    lines = own(1, 4)
    lines[-1]["principal"] = "somebody"
    assert {fault.kind for fault in verified(lines, "somebody").faults} == {"CHAIN_BROKEN"}


def test_a_signature_covers_what_is_joined_to_its_place_and_nothing_beyond_a_gap() -> None:
    assert verified(own(0, 1, 4, 5)).receipts_unsigned == 2
    assert verified(own(0, 1, 4, 5, signed=(1, 5))).receipts_unsigned == 0


def test_a_changed_receipt_is_found_all_the_same() -> None:
    lines = own(1, 4)
    lines[0]["invocation"]["result"] = "changed"
    found = verified(lines)
    assert {fault.invocation_id for fault in found.faults} == {lines[0]["invocation"]["id"]}
