"""Receipts: digests of what ran, chained so that none can be changed, removed or inserted unnoticed.

The recipe stands in docs/receipts.md; `qmcp receipts verify` implements it a second time, on its own.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.tools.audit.canonical import canonical
from services.tools.audit.models import ArchivedRun, Fault, Row
from services.tools.models import Approval, Decision, Intent, Link, Outcome

SALT_BYTES = 16


def salted_digest(document: str, salt: bytes) -> bytes:
    """SHA-256 over the salt and the canonical JSON of a document."""
    return hashlib.sha256(salt + document.encode()).digest()


def new_salt() -> bytes:
    return os.urandom(SALT_BYTES)


def result_document(result: str | None, error: str) -> str:
    """What the result's digest covers: canonical JSON of `{"error", "result"}`."""
    written = canonical(error) if error else '""'
    return f'{{"error":{written},"result":{"null" if result is None else result}}}'


def answer_document(comment: str, edited_arguments: str | None) -> str:
    """What a decision's digest covers: canonical JSON of `{"comment", "edited_arguments"}`.

    It is salted as the arguments are, and is erased with them: who changes arguments writes about them, too.
    """
    edited = "null" if edited_arguments is None else edited_arguments
    return f'{{"comment":{canonical(comment)},"edited_arguments":{edited}}}'


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with six digits, `2026-11-21T14:00:00.123456Z`."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def content(outcome: Outcome, chain_id: UUID, sequence: int, result_digest: bytes) -> bytes:
    """The canonical JSON that a receipt's digest covers.

    Keys are ASCII and stand in order, values are strings and small integers: orjson writes it as RFC 8785 demands.
    """
    intent = outcome.intent
    # Of those that nobody was asked about, for no task and by no grant, it is what it was before there were these.
    approval = {} if outcome.approval is None else {"approval": _approval(outcome.approval)}
    lease = lease_fields(intent)
    return orjson.dumps(
        {
            **approval,
            "begun_as": intent.begun_as,
            "chain_id": str(chain_id),
            "completed_at": timestamp(outcome.completed_at),
            "correlation_id": intent.correlation_id,
            "created_at": timestamp(intent.created_at),
            "duration_ms": outcome.duration_ms,
            "error_reason": outcome.error_reason,
            **({} if not lease else {"fencing_token": intent.fencing_token}),
            **grant_fields(intent),
            "id": str(intent.id),
            "idempotency_key": intent.idempotency_key,
            "input_digest": intent.input_digest.hex(),
            "kind": _kind(outcome),
            "principal": intent.principal,
            "refused": intent.refused,
            "replica": str(intent.replica),
            "result_digest": result_digest.hex(),
            "sequence": sequence,
            "status": outcome.status,
            **({} if not lease else {"task_id": intent.task_id}),
            "tool_etag": intent.tool_etag,
            "tool_name": intent.tool_name,
        }
    )


def lease_fields(intent: Intent) -> dict[str, Any]:
    """What is said of the task for which it was done; nothing where it was for none."""
    if not intent.task_id and not intent.fencing_token:
        return {}
    return {"task_id": intent.task_id, "fencing_token": intent.fencing_token}


def grant_fields(intent: Intent) -> dict[str, Any]:
    """What is said of the grant by which it ran; nothing where it ran by none."""
    return {"grant_id": intent.grant_id} if intent.grant_id else {}


def _kind(outcome: Outcome) -> str:
    """The recipe: the first that says all that is to be said."""
    if outcome.intent.grant_id:
        return "invocation/4"
    if lease_fields(outcome.intent):
        return "invocation/3"
    return "invocation/1" if outcome.approval is None else "invocation/2"


def _approval(approval: Approval) -> dict[str, Any]:
    """What the content says of an approval."""
    decision = approval.decision
    if decision is None:
        return {"human_request_id": approval.human_request_id, "status": "pending"}
    return {
        "decided_at": timestamp(decision.decided_at),
        "decided_by": list(decision.decided_by),
        "digest": decision.digest.hex(),
        **made_grant(decision),
        "human_request_id": approval.human_request_id,
        "replica": str(decision.replica),
        "status": decision.status,
    }


def made_grant(decision: Decision | None) -> dict[str, str]:
    """What is said of the grant that a decision made; nothing where it made none."""
    return {"grant_id": decision.grant_id} if decision is not None and decision.grant_id else {}


def genesis(chain_id: UUID) -> bytes:
    """What stands before the first receipt of a chain."""
    return hashlib.sha256(str(chain_id).encode()).digest()


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a chain stands."""

    id: UUID
    sequence: int
    digest: bytes

    @classmethod
    def begin(cls, chain_id: UUID) -> "Chain":
        return cls(chain_id, 0, genesis(chain_id))

    def extended(self, outcomes: Iterable[Outcome]) -> tuple["Chain", list[Link]]:
        """The chain after these outcomes, and their links. The chain itself stays: a write may yet fail."""
        sequence, digest = self.sequence, self.digest
        links = []
        for outcome in outcomes:
            sequence += 1
            salt = new_salt()
            result_digest = salted_digest(result_document(outcome.result, outcome.error), salt)
            previous = digest
            digest = hashlib.sha256(previous + content(outcome, self.id, sequence, result_digest)).digest()
            links.append(Link(self.id, sequence, previous, digest, salt, result_digest))
        return Chain(self.id, sequence, digest), links


class Verifier:
    """Recomputes receipts in the order of chain and sequence."""

    def __init__(self, *, whole: bool = False) -> None:
        """Prepares a verification; of whole chains, where a missing beginning is a fault, or of pieces."""
        self._whole = whole
        # Of the receipt that is being checked.
        self._faults: list[Fault] = []
        # The digests that stand at the slots which checkpoints name.
        self._wanted: dict[tuple[UUID, int], str] = {}
        self._found: dict[tuple[UUID, int], str] = {}
        self._chain: UUID | None = None
        self._sequence = 0
        self._digest = b""
        self._heads: dict[UUID, int] = {}
        # What left for archives: by chain, then by first place.
        self._archived: defaultdict[UUID, dict[int, ArchivedRun]] = defaultdict(dict)

    def pass_over(self, runs: Iterable[ArchivedRun]) -> None:
        """These receipts are in archives, and may be gone here."""
        for run in runs:
            self._archived[run.chain_id][run.first] = run

    def expect(self, chain_id: UUID, sequence: int, digest: str) -> None:
        """A checkpoint says that this digest stands there."""
        self._wanted[chain_id, sequence] = digest

    def check(self, row: Row) -> Sequence[Fault]:
        """Takes the next receipt, and gives what does not hold of it."""
        link = row.link
        self._faults = []
        if link.chain_id != self._chain:
            self._begin(row)
        while link.sequence != self._sequence + 1 and self._leave_out():
            pass
        if link.sequence != self._sequence + 1:
            self._fault("RECEIPT_MISSING", f"after {self._sequence} comes {link.sequence}", row)
        elif link.previous_digest != self._digest:
            self._fault("CHAIN_BROKEN", "its previous_digest is not the digest of the receipt before it", row)
        self._check_content(row)
        self._sequence, self._digest = link.sequence, link.digest
        self._heads[link.chain_id] = link.sequence
        if (link.chain_id, link.sequence) in self._wanted:
            self._found[link.chain_id, link.sequence] = link.digest.hex()
        return self._faults

    def finish(self) -> Sequence[Fault]:
        """Compares what checkpoints said with what was there: what does not hold of whole chains."""
        faults = []
        for (chain_id, sequence), digest in self._wanted.items():
            found = self._found.get((chain_id, sequence))
            if found is None and (run := self._archived_at(chain_id, sequence)) is not None:
                # Within a run it was compared when it left; only the end of one is known here.
                found = run.digest.hex() if sequence == run.last else digest
            if found is None:
                detail = (
                    f"a checkpoint covers {sequence} receipts of this chain; they end at {self._heads.get(chain_id, 0)}"
                )
                faults.append(Fault("RECEIPT_MISSING", detail, chain_id=str(chain_id), sequence=sequence))
            elif found != digest:
                detail = "the digest that a checkpoint signed is another"
                faults.append(Fault("CHECKPOINT_BROKEN", detail, chain_id=str(chain_id), sequence=sequence))
        return faults

    def _archived_at(self, chain_id: UUID, sequence: int) -> ArchivedRun | None:
        runs = self._archived[chain_id].values()
        return next((run for run in runs if run.first <= sequence <= run.last), None)

    def _leave_out(self) -> bool:
        """Goes on behind what left for an archive in this place, if it fits what is before it."""
        assert self._chain is not None
        run = self._archived[self._chain].get(self._sequence + 1)
        if run is None or run.previous_digest != self._digest:
            return False
        self._sequence, self._digest = run.last, run.digest
        return True

    def _begin(self, row: Row) -> None:
        link = row.link
        self._chain = link.chain_id
        # A range may begin in the middle of a chain; then what is before it is taken on trust.
        first = link.sequence == 1
        self._sequence = 0 if self._whole else link.sequence - 1
        self._digest = genesis(link.chain_id) if first or self._whole else link.previous_digest

    def _check_content(self, row: Row) -> None:
        outcome, link = row.outcome, row.link
        if outcome is None:
            self._fault("CONTENT_CHANGED", "the record of its intent is gone", row)
            return
        intent = outcome.intent
        if not row.repeats_intent:
            self._fault("CONTENT_CHANGED", "the outcome is listed with another tool, principal or time", row)
        written = content(outcome, link.chain_id, link.sequence, link.result_digest)
        if hashlib.sha256(link.previous_digest + written).digest() != link.digest:
            self._fault("DIGEST_WRONG", "the row or its digest was changed", row)
        if not _holds(
            intent.input_params, intent.input_salt, intent.input_digest, "input_params" in row.redacted_fields
        ):
            self._fault("CONTENT_CHANGED", "input_params are not those that were recorded", row)
        redacted = "result" in row.redacted_fields
        emptied = redacted and outcome.result is None and not outcome.error
        document = None if emptied else result_document(outcome.result, outcome.error)
        if not _holds(document, link.result_salt, link.result_digest, redacted):
            self._fault("CONTENT_CHANGED", "the result or the error is not that which was recorded", row)
        if outcome.approval is not None:
            self._check_answer(outcome.approval, intent, row)

    def _check_answer(self, approval: Approval, intent: Intent, row: Row) -> None:
        decision = approval.decision
        if decision is None:
            return
        redacted = "input_params" in row.redacted_fields
        # Erased together; one that is left of the two is a forgery.
        erased = decision.comment is None and decision.edited_arguments is None
        document = None if erased else answer_document(decision.comment or "", decision.edited_arguments)
        if not _holds(document, intent.input_salt, decision.digest, redacted):
            self._fault("CONTENT_CHANGED", "the comment or the edited arguments are not those that were given", row)

    def _fault(self, kind: str, detail: str, row: Row) -> None:
        link = row.link
        self._faults.append(Fault(kind, detail, str(row.invocation_id), str(link.chain_id), link.sequence))


def _holds(document: str | None, salt: bytes | None, digest: bytes, redacted: bool) -> bool:
    if redacted:
        # Nothing is left to recompute; that the digest itself is genuine, the receipt's digest shows.
        return salt is None and document is None
    return document is not None and salt is not None and salted_digest(document, salt) == digest


def as_json(text: str | None) -> Any:
    """A stored document as a Python value."""
    return None if text is None else orjson.loads(text)


def intent_digests(arguments: Any) -> tuple[str, bytes, bytes]:
    """Canonical text of the arguments, a new salt, and the salted digest."""
    text = canonical(arguments)
    salt = new_salt()
    return text, salt, salted_digest(text, salt)


def same_arguments(intent: Intent, arguments: Any) -> bool:
    """Whether an intent has these arguments; after redaction that cannot be known, and it is believed."""
    return intent.input_salt is None or salted_digest(canonical(arguments), intent.input_salt) == intent.input_digest


def arguments_digest(intent: Intent) -> str:
    """Hexadecimal SHA-256 of the canonical arguments; empty after redaction.

    It is computed, not kept: without a salt, one that is kept would tell short arguments after they were erased.
    """
    return "" if intent.input_params is None else hashlib.sha256(intent.input_params.encode()).hexdigest()
