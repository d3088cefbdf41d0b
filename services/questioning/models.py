"""The nouns of the questioning service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from servicekit.identity.visibility import Audience
from services.questioning.memory.models import Recalled, Similar

# Of what form an answer is.
AnswerType = Literal["text", "choice", "choices", "number", "integer", "date", "yes_no", "list", "object"]
# given: as it was said. confirmed: proposed by us and agreed to. revised: another one has taken its place. The rest
# give no value, and are not asked again.
AnswerState = Literal["given", "confirmed", "unknown", "declined", "not_applicable", "revised"]
VALUED: frozenset[str] = frozenset({"given", "confirmed"})


@dataclass(frozen=True, slots=True)
class Known:
    """What was answered to a question of a conversation, as it stands now."""

    state: AnswerState
    # JSON; None where the state gives no value.
    value: Any = None

    @property
    def valued(self) -> bool:
        return self.state in VALUED


@dataclass(frozen=True, slots=True)
class Alternative:
    """What might have been asked instead, and what that is worth."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question worth asking now."""

    # The question's name within its conversation: that of a bank, or the JSON pointer of a field.
    id: str
    text: str
    answer_type: AnswerType = "text"
    options: Sequence[str] = ()
    # Why the answer matters, and what to look for in it; for people.
    importance: str = ""
    information: str = ""
    # What asking is worth; its unit is the engine's, and `reason` names it.
    score: float = 0.0
    reason: str = ""
    # Proposed as the answer, to be agreed to; None where nothing is.
    suggestion: Any = None
    # What the answer is a fact of: an earlier answer with the same name certainly answers this. Empty: none does.
    fact: str = ""
    # Whether an earlier answer to the same words may be proposed.
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Answers that do not go together, and why."""

    questions: Sequence[str]
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a goal is reached with what was answered."""

    # Best first; empty once there is nothing worth asking.
    candidates: Sequence[Candidate] = ()
    # Why nothing more is asked: complete, certain, covered, budget, contradictory,
    # nothing_left. Empty while there is something.
    stopped: str = ""
    # What was found out, so far or for good.
    result: Mapping[str, Any] = field(default_factory=dict)
    # How many questions there are still to come, about; 0 where none.
    remaining: int = 0
    # Answers that hold no longer, with the reason: they are asked again.
    invalid: Mapping[str, str] = field(default_factory=dict)
    # Answers to what is no question any more.
    not_applicable: Sequence[str] = ()
    # What is missing and will not be asked again, because nobody knows or says it.
    missing: Sequence[str] = ()
    contradictions: Sequence[Contradiction] = ()
    # How uncertain the result is, bits; None where the engine knows no probabilities.
    entropy: float | None = None


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question that was written for one conversation."""

    # Its name within its conversation.
    id: str
    text: str
    answer_type: AnswerType = "text"
    options: Sequence[str] = ()
    importance: str = ""
    information: str = ""
    # Who wrote it: `llm`, or `topics` where that had nothing to say.
    origin: str = "llm"


@dataclass(frozen=True, slots=True)
class Written:
    """All that was written for one conversation: what a model says is not said twice, so it is kept."""

    questions: Sequence[WrittenQuestion] = ()
    # Whether there is anything to ask after these, and how many there will be in all, about; 0: nobody says.
    more: bool = True
    estimated: int = 0
    # What all calls of the model have cost, and the model's name.
    tokens: int = 0
    model: str = ""


@dataclass(slots=True)
class Spent:
    """What a call has cost, whatever came of it."""

    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Writing:
    """What one call of a model has added, and what it took the place of where it failed."""

    # What there was before, and what there is now.
    before: Written
    after: Written
    # Why the offline engine stands in for the model; empty where it does not.
    fallback: str = ""

    @property
    def tokens(self) -> int:
        return self.after.tokens - self.before.tokens


Status = Literal["open", "done", "closed"]
MessageType = Literal["question", "answer", "system"]


@dataclass(frozen=True, slots=True)
class Session:
    """All that is asked of one person."""

    id: str
    owner: str
    user_id: str
    context: str
    metadata: Mapping[str, str]
    created_at: datetime
    closed_at: datetime | None

    @property
    def status(self) -> str:
        return "open" if self.closed_at is None else "closed"

    @property
    def audience(self) -> Audience:
        """Who sees it: whoever began it."""
        return Audience((self.owner,))


@dataclass(frozen=True, slots=True)
class Goal:
    """What a conversation is to find out; with neither schema nor bank it is about its context."""

    schema: Mapping[str, Any] | None = None
    bank: Mapping[str, Any] | None = None
    include_optional: bool = False
    recall: bool = False

    @property
    def engine(self) -> str:
        """The name of the engine that reaches it."""
        if self.schema is not None:
            return "schema"
        return "topics" if self.bank is None else "information_gain"


@dataclass(frozen=True, slots=True)
class BankRef:
    """Which version of a bank."""

    id: str
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One interview, as it is kept."""

    id: str
    session_id: str
    owner: str
    user_id: str
    topic: str
    context: str
    goal: Goal
    metadata: Mapping[str, str]
    status: Status
    # How far it is, as the engine saw it last; its candidates are not kept.
    progress: Progress
    questions_asked: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    # What a language model has written for it; None where none is asked.
    written: Written | None = None
    # The version of a bank that it was begun with; None where that is not kept.
    bank: BankRef | None = None
    # Of a bank: the hypothesis that held, as somebody said.
    outcome: str = ""

    @property
    def engine(self) -> str:
        """The name of the engine that asks in it."""
        return self.goal.engine if self.written is None else "llm"

    @property
    def audience(self) -> Audience:
        """Who sees it: whoever began it."""
        return Audience((self.owner,))


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said."""

    id: str
    conversation_id: str
    sequence: int
    message_type: MessageType
    content: str
    question_id: str
    state: str
    value: Any
    source: Mapping[str, Any] | None
    revises: str
    metadata: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something that is being said."""

    message_type: MessageType
    content: str
    question_id: str = ""
    state: str = ""
    value: Any = None
    source: Mapping[str, Any] | None = None
    revises: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # Digests by which an answer is recalled: of what it is a fact of, and of its question's words. None: by nothing.
    fact: bytes | None = None
    words: bytes | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as a caller sends it."""

    question_id: str
    answer: Any
    # Empty: the answer is what was said.
    state: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something that was said before, as chat models have it."""

    role: str
    content: str
    timestamp: str = ""


@dataclass(frozen=True, slots=True)
class ConversationSpec:
    """The conversation that somebody wants."""

    session_id: str
    user_id: str
    topic: str
    context: str
    goal: Goal
    metadata: Mapping[str, str]
    # Who asks about a context, `llm` or `topics`; empty: whom the service is set to.
    engine: str = ""
    # A bank that is kept, by its name, and which version; 0: the newest that is accepted.
    bank_name: str = ""
    bank_version: int = 0
    # Which one that was; None where none is named.
    bank: BankRef | None = None


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations a list shows; what is empty leaves all."""

    session_id: str = ""
    status: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """A question that is put, with its number and what might have been asked instead."""

    number: int
    candidate: Candidate
    alternatives: Sequence[Alternative]
    # Where the suggestion comes from; None where there is none.
    source: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions that are put together, and where their conversation stands."""

    conversation: Conversation
    questions: Sequence[Put]
    follow_up: bool = False
    # How many of them were not put before.
    put_anew: int = 0
    # What was recalled for it.
    recalled: Sequence[Recalled] = ()
    # What was said before and is like what is said now.
    similar: Sequence[Similar] = ()
    # How both were found; empty where nothing was looked for.
    memory: str = ""
    # How long it took to find them, seconds.
    seconds: float = 0.0
    # What a language model was asked for it; None where none was.
    writing: Writing | None = None
