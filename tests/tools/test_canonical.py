"""Canonical JSON is RFC 8785's, whichever of the two writers writes it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
import rfc8785
from hypothesis import assume, given
from hypothesis import strategies as some

from servicekit.json_values import EXACT, MAX_DEPTH
from services.tools.audit.canonical import canonical
from services.tools.audit.receipts import Chain, content, result_document, timestamp
from services.tools.models import Intent, Outcome

text = some.text(some.characters(exclude_categories=("Cs",)), max_size=12)
scalars = (
    some.none()
    | some.booleans()
    | some.integers(-EXACT + 1, EXACT - 1)
    | some.floats(allow_nan=False, allow_infinity=False)
    | text
)
documents = some.recursive(
    scalars, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(text, inner, max_size=4)
)


@given(documents)
def test_every_document_is_written_as_the_reference_writes_it(document: Any) -> None:
    assert canonical(document).encode() == rfc8785.dumps(document)


# Whole doubles from 2^53 on are read back as integers, which the reference refuses; the stored text is what counts.
@given(documents)
def test_what_is_read_back_is_written_the_same(document: Any) -> None:
    read = orjson.loads(canonical(document))
    assume(not _holds_large_integer(read))
    assert canonical(read) == canonical(document)


def _holds_large_integer(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, int) and abs(value) >= EXACT) or any(map(_holds_large_integer, inner))


@given(some.none() | text.map(canonical), text)
def test_the_document_of_a_result_is_canonical(result: str | None, error: str) -> None:
    document = {"error": error, "result": None if result is None else orjson.loads(result)}
    assert result_document(result, error).encode() == rfc8785.dumps(document)


@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), 2**60, -(2**60), {1: 2}, {"a": object()}, {"\ud800": 1}, "\udfff"]
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1, x], lambda x: {"a": {"b": x}, "c": 0.5}])
def test_what_is_no_json_is_refused(wrong: Any, wrap: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical(wrap(wrong))


@pytest.mark.parametrize("seed", [1, 0.5, "x", {}])
def test_depth_is_bounded_alike_in_both_writers(seed: Any) -> None:
    document = seed
    for _ in range(MAX_DEPTH - (seed == {})):
        document = [document]
    canonical(document)
    with pytest.raises(ValueError, match="nested"):
        canonical([document])


moments = some.integers(0, 2**52).map(lambda since: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=since))
intents = some.builds(
    Intent,
    id=some.uuids(),
    tool_name=text,
    tool_etag=text,
    input_params=some.just("{}"),
    input_salt=some.binary(min_size=16, max_size=16),
    input_digest=some.binary(min_size=32, max_size=32),
    principal=text,
    correlation_id=text,
    idempotency_key=text,
    begun_as=some.sampled_from(["pending", "running"]),
    refused=some.booleans(),
    replica=some.uuids(),
    created_at=moments,
)
outcomes = some.builds(
    Outcome,
    intent=intents,
    status=some.sampled_from(["success", "failed", "cancelled"]),
    result=some.none() | documents.map(canonical),
    error=text,
    error_reason=text,
    completed_at=moments,
)


@given(outcomes, some.uuids(), some.integers(1, 2**31 - 1), some.binary(min_size=32, max_size=32))
def test_the_content_of_a_receipt_is_canonical(outcome: Outcome, chain: UUID, sequence: int, digest: bytes) -> None:
    written = content(outcome, chain, sequence, digest)
    assert written == rfc8785.dumps(orjson.loads(written))
    assert orjson.loads(written)["sequence"] == sequence


@given(some.lists(outcomes, min_size=1, max_size=5))
def test_a_chain_is_extended_in_one_step_or_in_many_alike(batch: list[Outcome]) -> None:
    chain = Chain.begin(UUID(int=7))
    at_once, links = chain.extended(batch)
    assert (at_once.sequence, chain.sequence) == (len(batch), 0)
    assert [link.previous_digest for link in links] == [chain.digest, *(link.digest for link in links[:-1])]
    assert at_once.digest == links[-1].digest
    assert len({link.digest for link in links}) == len(batch), "salts make even equal outcomes differ"


@given(moments)
def test_a_timestamp_has_six_digits_and_is_read_back_to_the_microsecond(at: datetime) -> None:
    written = timestamp(at)
    assert len(written) == 27
    assert datetime.fromisoformat(written) == at
    assert timestamp(at + timedelta(microseconds=1)) > written
