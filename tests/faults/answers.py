"""What callers were told of questions and answers, and how it compares with what is on record after every crash."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

REQUESTS = "SELECT id, status, (extract(epoch FROM created_at) * 1000000)::bigint AS created_at FROM human_requests"
ANSWERS = (
    "SELECT human_request_id, responded_by, id::text AS id, response #>> '{}' AS said, decides FROM human_responses"
)


@dataclass(frozen=True, slots=True)
class Vote:
    """An answer that was acknowledged."""

    id: str
    decides: bool


@dataclass(slots=True)
class Round:
    """What those who took part in one question were told."""

    quorum: bool
    # Microseconds; 0: the question was never acknowledged.
    created_at: int = 0
    # When the answer that decided was acknowledged; 0: it was not, or not yet.
    decided_at: float = 0
    # By responder.
    votes: dict[str, Vote] = field(default_factory=dict)
    # Who was told that somebody else had decided.
    late: set[str] = field(default_factory=set)
    # Of each waiter: how it ended, by whose answer, and which.
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Watched:
    """What somebody has seen who watches and resumes."""

    # Of the last event or heartbeat.
    sequence: int = 0
    resumed: int = 0
    events: list[tuple[int, str, str]] = field(default_factory=list)

    def take(self, sequence: int, human_request_id: str, kind: str) -> None:
        self.sequence = sequence
        if kind != "heartbeat":
            self.events.append((sequence, human_request_id, kind))


@dataclass(slots=True)
class Told:
    """The callers' side."""

    rounds: dict[str, Round] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)
    # From the acknowledgement of the answer that decided to a waiter's being told, longest, seconds.
    slowest_wakeup: float = 0
    # Requests of which some call ended in an error and was repeated.
    unanswered: set[str] = field(default_factory=set)
    # Anything that must never be seen by a caller.
    violations: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Findings:
    """The comparison."""

    questions: int = 0
    answers: int = 0
    repeated: int = 0
    watched: int = 0
    resumed: int = 0
    slowest_wakeup: float = 0
    # Questions and answers that were acknowledged, but are not on record, or otherwise.
    lost: list[str] = field(default_factory=list)
    # Questions with another number of outcomes than one, by answers, by state or by events.
    not_one_outcome: list[str] = field(default_factory=list)
    # Waiters and responders who were told another outcome than the one on record.
    misled: list[str] = field(default_factory=list)
    # Events that a watcher was not shown, or not once, or out of order.
    misseen: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.not_one_outcome or self.misled or self.misseen or self.violations)

    def text(self) -> str:
        lines = [
            f"questions {self.questions:,}, answers {self.answers:,}; of {self.repeated:,} questions a call was repeated",
            f"events watched {self.watched:,}, the stream resumed {self.resumed} times",
            f"slowest wake-up {self.slowest_wakeup:.2f} s after the answer was acknowledged",
        ]
        for name in ("lost", "not_one_outcome", "misled", "misseen", "violations"):
            found = getattr(self, name)
            lines += [f"{name} {len(found):,}", *(f"  {each}" for each in found[:5])]
        return "\n".join(lines)


async def last_event(url: str) -> int:
    """The number of the newest event on record."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT max(sequence) FROM human_request_events") or 0
    finally:
        await connection.close()


async def compare(told: Told, url: str, *, watched: bool) -> Findings:
    """Reads everything that is on record and holds it against what the callers were told."""
    connection = await asyncpg.connect(url)
    try:
        requests = {row["id"]: row for row in await connection.fetch(REQUESTS)}
        answers: dict[str, dict[str, asyncpg.Record]] = {}
        for row in await connection.fetch(ANSWERS):
            answers.setdefault(row["human_request_id"], {})[row["responded_by"]] = row
        events = [
            (row["sequence"], row["human_request_id"], row["kind"])
            for row in await connection.fetch(
                "SELECT sequence, human_request_id, kind FROM human_request_events ORDER BY sequence"
            )
        ]
    finally:
        await connection.close()
    found = Findings(
        questions=len(requests),
        answers=sum(map(len, answers.values())),
        repeated=len(told.unanswered),
        watched=len(told.watched.events),
        resumed=told.watched.resumed,
        slowest_wakeup=told.slowest_wakeup,
        violations=told.violations,
    )
    happened = Counter((human_request_id, kind) for _, human_request_id, kind in events)
    for human_request_id, row in requests.items():
        _judge_record(found, human_request_id, row["status"], answers.get(human_request_id, {}), happened)
    for human_request_id, played in told.rounds.items():
        _judge_told(found, human_request_id, played, requests.get(human_request_id), answers.get(human_request_id, {}))
    if watched and told.watched.events != events:
        seen, there = Counter(told.watched.events), Counter(events)
        found.misseen += [f"not shown: {event}" for event in (there - seen).elements()]
        found.misseen += [f"not on record, or shown again: {event}" for event in (seen - there).elements()]
        found.misseen = found.misseen or ["out of order"]
    return found


def _judge_record(
    found: Findings,
    human_request_id: str,
    status: str,
    answers: "Mapping[str, asyncpg.Record]",
    happened: Counter[tuple[str, str]],
) -> None:
    decisions = sum(row["decides"] for row in answers.values())
    counts = {
        kind: happened[human_request_id, kind] for kind in ("created", "decided", "voted", "expired", "cancelled")
    }
    expected = {"created": 1, "decided": 1, "voted": len(answers) - 1, "expired": 0, "cancelled": 0}
    if (status, decisions) != ("responded", 1) or counts != expected:
        found.not_one_outcome.append(f"{human_request_id}: {status}, {decisions} answers decide, events {counts}")


def _judge_told(
    found: Findings,
    human_request_id: str,
    played: Round,
    request: "asyncpg.Record | None",
    answers: "Mapping[str, asyncpg.Record]",
) -> None:
    if played.created_at and (request is None or request["created_at"] != played.created_at):
        found.lost.append(f"{human_request_id}: the question")
    for who, vote in played.votes.items():
        row = answers.get(who)
        said = "approve" if played.quorum else who
        if row is None or (row["id"], row["decides"], row["said"]) != (vote.id, vote.decides, said):
            found.lost.append(f"{human_request_id}: {who} was told {vote}, on record is {row}")
    decider = next((row for row in answers.values() if row["decides"]), None)
    outcome = None if decider is None else ("responded", decider["responded_by"], decider["id"])
    found.misled += [
        f"{human_request_id}: a waiter was told {o}, on record is {outcome}" for o in played.outcomes if o != outcome
    ]
    found.misled += [
        f"{human_request_id}: {who} was told to be late and is on record" for who in played.late if who in answers
    ]
