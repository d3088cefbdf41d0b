"""The page of promises is whole, and tells the truth about what is proven."""

import re

from tests import promises

NOTHING = {"", "\N{EN DASH}"}

HOW_MANY = {"Q": 42, "M": 39, "P": 26, "D": 39, "S": 31}
PROOFS = re.compile(r"test|not yet|advice|with (hitl|metrics|tasks|documents|questioning|access)")


def test_every_promise_of_the_originals_has_a_row() -> None:
    wanted = [f"{group}{number:02}" for group, count in HOW_MANY.items() for number in range(1, count + 1)]
    assert list(promises.promises()) == wanted


def test_a_row_claims_a_proof_only_where_a_test_has_it_and_no_test_proves_what_is_not_promised() -> None:
    assert not promises.disagreements()


def test_every_row_says_how_it_is_proven_and_advice_alone_needs_none() -> None:
    for promise in promises.promises().values():
        assert PROOFS.fullmatch(promise.proof), promise
        assert promise.mark in {"✔", "◐", "✘", "—"}, promise
        assert promise.proof != "advice" or promise.mark == "—", promise
        assert promise.mark != "—" or promise.proof in {"advice", "test"}, promise


def test_what_is_proven_says_how_it_is_kept() -> None:
    for promise in promises.promises().values():
        assert promise.kept not in NOTHING or promise.proof.startswith(("with ", "advice")), promise


def test_the_listing_names_what_is_not_proven(capsys: object) -> None:
    promises.main()
    said = capsys.readouterr().out  # type: ignore[attr-defined]
    for promise in promises.promises().values():
        if promise.proof not in {"test", "advice"}:
            assert promise.id in said
