# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of questioning as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """All that is asked of one person: its conversations share what that person has answered."""

    # UUIDv7 made by the server.
    id: str = ""
    # The principal that began it.
    owner: str = ""
    # Who is asked, as the caller calls them; empty where that is nobody in particular. What one has answered is
    # never recalled for another.
    user_id: str = ""
    # What there is to know about it, for people.
    context: str = ""
    # The caller's own.
    metadata: dict[str, str] = field(default_factory=dict)
    # `open` or `closed`.
    status: str = ""
    # When it was begun.
    created_at: datetime | None = None
    # When it was closed; absent while it is open.
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a conversation is to find out.

    At most one of `schema`, `bank` and `bank_name`; with none it is about its context, and asks what one asks about
    any undertaking.
    """

    # A JSON Schema (2020-12) of an object: it is filled, field by field.
    schema: dict[str, Any] | None = None
    # A bank: hypotheses, and the questions that tell them apart, in the form that docs/questioning.md describes.
    # Nested at most 30 levels.
    bank: dict[str, Any] | None = None
    # With a schema: whether what may be left out is asked for too.
    include_optional: bool = False
    # Whether what the same user answered in other conversations of the same owner counts. A whole question in the
    # same words, or a field of the same schema, is then answered; what is less certain is proposed and confirmed.
    # With a schema only.
    recall: bool = False
    # Who asks about a context: `llm`, a language model that whoever runs the service has chosen, or `topics`, the
    # built-in questions, which leave this machine nothing. Empty: whom the service is set to, `topics` unless it
    # says otherwise. Where the model fails, the built-in questions stand in for it, and `fallback` says so.
    engine: str = ""
    # The name of a bank of the caller's own that is kept. The conversation is bound to the version that it begins
    # with.
    bank_name: str = ""
    # Which version; 0 means the newest that is accepted.
    bank_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Answers that do not go together."""

    # The questions that they answer; empty where it is about all together.
    question_ids: tuple[str, ...] = ()
    # What is wrong, for people.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One interview: its goal, its questions and answers, and how far it is."""

    # UUIDv7 made by the server.
    id: str = ""
    # Its session.
    session_id: str = ""
    # The principal that began it.
    owner: str = ""
    # Who is asked.
    user_id: str = ""
    # What it is about, in a few words.
    topic: str = ""
    # What was known before anything was asked, as text.
    context: str = ""
    # The engine that asks: `schema`, `information_gain`, `topics` or `llm`.
    engine: str = ""
    # What is to be found out.
    goal: Goal | None = None
    # The caller's own.
    metadata: dict[str, str] = field(default_factory=dict)
    # `open`; `done` when there is nothing left to ask; `closed`. A revision opens one that is done.
    status: str = ""
    # Why nothing more is asked: `complete`, `certain`, `covered`, `budget`, `contradictory` or `nothing_left`.
    # Empty while there is something.
    stopped: str = ""
    # What was found out so far. Of a schema: the object, complete and valid once `stopped` is `complete`. Of a
    # bank: the likeliest hypotheses. Else what is known of each subject.
    result: dict[str, Any] | None = None
    # How uncertain the result is, in bits; absent where the engine knows no probabilities.
    entropy: float | None = None
    # The questions whose answers are wanted, and which nobody knows or says.
    missing: tuple[str, ...] = ()
    # The questions that were answered and are none any more, by what was answered since.
    not_applicable: tuple[str, ...] = ()
    # Answers that do not go together.
    contradictions: tuple[Contradiction, ...] = ()
    # How many questions there are still to come, about.
    questions_remaining: int = 0
    # How many questions were asked.
    questions_asked: int = 0
    # When it was begun.
    created_at: datetime | None = None
    # When it was last asked or answered.
    updated_at: datetime | None = None
    # When it was closed; absent while it is not.
    closed_at: datetime | None = None
    # How many tokens the language model says it took for all of it, in and out.
    tokens_used: int = 0
    # The language model that was asked last; empty where none was.
    model: str = ""
    # The name of the bank that it was begun with, where that is one that is kept; empty otherwise.
    bank_name: str = ""
    # The version of that bank.
    bank_version: int = 0
    # Of a bank: the hypothesis that held, as was said when it was closed; empty where nobody said.
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that was said in a conversation: a question, an answer, or a note of the system."""

    # UUIDv7 made by the server.
    id: str = ""
    # Its conversation.
    conversation_id: str = ""
    # Its place in the conversation, from 1, without gaps.
    sequence: int = 0
    # `question`, `answer` or `system`.
    message_type: str = ""
    # The words: of a question its text, of an answer what was said.
    content: str = ""
    # The question's id within its conversation; empty for what belongs to none.
    question_id: str = ""
    # Of an answer: `given`, `confirmed`, `unknown`, `declined`, `not_applicable`, or `revised` when another one has
    # taken its place. Empty otherwise.
    state: str = ""
    # Of an answer: what was understood. Of a question: what is proposed as its answer. Null where there is nothing.
    value: Any = None
    # Where a value comes from that nobody said here: `kind` (`recalled` or `default`), and of what is recalled
    # `conversation_id`, `message_id` and `answered_at`. Absent otherwise.
    source: dict[str, Any] | None = None
    # The answer that this one takes the place of; empty where it is the first.
    revises: str = ""
    # Of a question why it was asked: `importance`, `information_to_look_for`, `reason`, `score` and `alternatives`.
    # Of others what the caller gave.
    metadata: dict[str, Any] | None = None
    # When it was said.
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousMessage:
    """Something that was said before, as chat models have it."""

    # `user` for who is asked, `assistant` for who asks, `system` for notes.
    role: str = ""
    # What was said. At most 20,000 characters.
    content: str = ""
    # When it was said, as the caller writes it; kept, not read.
    timestamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAlternative:
    """A question that might have been asked instead."""

    # Its id within its conversation.
    question_id: str = ""
    # What asking it would have been worth.
    score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionItem:
    """A question that is put."""

    # The words to put it in.
    question_text: str = ""
    # Its number within its conversation, from 1.
    question_number: int = 0
    # The original's place for what follows: `importance` and `information_to_look_for`.
    metadata: dict[str, str] = field(default_factory=dict)
    # Its id within its conversation, by which it is answered.
    id: str = ""
    # `text`, `choice`, `number`, `integer`, `date`, `yes_no`, `list` or `object`.
    answer_type: str = ""
    # What there is to choose from; empty where the answer is no choice.
    options: tuple[str, ...] = ()
    # Why it is asked now.
    reason: str = ""
    # What asking it is worth: bits after its cost with a bank, else an order from 0 to 1.
    score: float = 0.0
    # What would be asked instead, best first, at most 3.
    alternatives: tuple[QuestionAlternative, ...] = ()
    # What is proposed as its answer: `yes`, or the state `confirmed`, agrees. Null where nothing is.
    suggestion: Any = None
    # Where the suggestion comes from, as `Message.source`.
    source: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionBatch:
    """Questions, in the original's form."""

    # The questions as a numbered list; one by itself has no number.
    current_question: str = ""
    # The questions, best first.
    questions: tuple[QuestionItem, ...] = ()
    # The conversation, by which they are answered.
    conversation_id: str = ""
    # Its session.
    session_id: str = ""
    # The number of the first one; 0 where there is none.
    current_question_number: int = 0
    # How many there are here.
    total_questions_in_batch: int = 0
    # How many the whole conversation will have had, about.
    total_questions_estimated: int = 0
    # Whether there is more to ask after these.
    next_batch_needed: bool = False
    # `question_type` (`initial` or `follow_up`), `context_enhanced` (whether anything was recalled or is like what
    # is said), `similar_contexts` (what: answers that were taken, `recalled`; then a `question`, an `answer` or a
    # `note` that is like it, each with its conversation, message and time), `memory` (how it was looked for: by
    # `meaning` or by `words`; empty: not at all), `generation_time` (seconds), `tokens_used` (by this call; 0 where
    # no model was asked), `model`, `fallback_generation` (whether the built-in questions stand in for the model),
    # `fallback` (why: `not_configured`, `busy`, `timeout`, `unreachable`, `rate_limited`, `error_<status>`,
    # `malformed`, `refused` or `truncated`), `timestamp`, `engine`, `stopped`, `batch_metadata`.
    metadata: dict[str, Any] | None = None
    # `current_question` under the name that the original's documentation gives it.
    question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedInterview:
    """What came of the rounds, in the original's form."""

    # The questions of the first round.
    initial_questions: QuestionBatch | None = None
    # The questions of the last round after it; absent where there was none.
    follow_up_questions: QuestionBatch | None = None
    # All questions, in order.
    all_questions_combined: tuple[QuestionItem, ...] = ()
    # The conversation, by which they are answered.
    conversation_id: str = ""
    # Its session.
    session_id: str = ""
    # How many questions there are.
    total_questions: int = 0
    # `rounds` (how many there were), `stopped`, and `tokens_used`, `model`, `fallback_generation` and `fallback` as
    # a batch has them.
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to one question."""

    # The question's id within its conversation.
    question_id: str = ""
    # What was said: text as people write it, or a value of the question's type. `I don't know` and the like are
    # understood.
    answer: Any = None
    # What there is instead of a value, or that the suggestion holds; empty: the answer is what was said.
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewStep:
    """Where a conversation stands, and what to ask next."""

    # The conversation, without its context and the document of its goal.
    conversation: Conversation | None = None
    # The next questions; empty when there is nothing left to ask.
    questions: tuple[QuestionItem, ...] = ()
    # How many tokens the language model says it took for this step.
    tokens_used: int = 0
    # Why the built-in questions stand in for the language model, as the metadata of a batch has it; empty where
    # they do not.
    fallback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a question was asked."""

    # The question, as it was put last.
    question: QuestionItem | None = None
    # The answer that stands; absent where there is none.
    answer: Message | None = None
    # How often it was put.
    times_asked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFinding:
    """One thing that the author of a bank should look at."""

    # `unreachable`, `uninformative`, `redundant` or `indistinguishable`.
    kind: str = ""
    # The id of the question; of hypotheses that are the same, the first one's.
    subject: str = ""
    # What is wrong, for people.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedInterviews:
    """What came of the interviews that were played."""

    # How many there were.
    interviews: int = 0
    # How many questions one had on average.
    mean_questions: float = 0.0
    # How many the longest had.
    max_questions: int = 0
    # The share in which the likeliest hypothesis was the one that held.
    accuracy: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSimulation:
    """How interviews with a bank go."""

    # With the question that is worth most.
    by_gain: SimulatedInterviews | None = None
    # With the questions in the order of the bank.
    in_order: SimulatedInterviews | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One version of a bank that is kept.

    It never changes: whoever saves the bank again, or has it learn, makes the next one.
    """

    # UUIDv7 made by the server.
    id: str = ""
    # The principal whose it is.
    owner: str = ""
    # The bank's name, as its document has it: one owner's versions of one name belong together.
    name: str = ""
    # Its number among them, from 1. No number is given twice.
    version: int = 0
    # `accepted`, or `proposed` while nobody has accepted what was learned: it is asked by its id and number only.
    status: str = ""
    # The document, in the form that docs/questioning.md describes. Absent in lists.
    bank: dict[str, Any] | None = None
    # Of what was learned: the version that it was learned from; 0 where somebody wrote it.
    learned_from: int = 0
    # Of what was learned: how many interviews count in it.
    interviews: int = 0
    # When it was saved.
    created_at: datetime | None = None
    # The principal that accepted what was learned; empty where nobody had to, or has yet.
    accepted_by: str = ""
    # When it was accepted; absent as long as it is not.
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How the memory is.

    All that is in it can be made again from what was said.
    """

    # `ready`; `catching_up`: something is still to be brought in, and while that is so because all of it is made
    # again, what is alike is found by its words; `away`: the store or the model is not there, and so likewise;
    # `off`: no store is set, and so always.
    state: str = ""
    # Why it is away or off, or what failed last; empty where there is nothing to say.
    detail: str = ""
    # `embedded` (the engine in the service) or `server`; empty where it is off.
    store: str = ""
    # The collection in the store; empty where it is away or off.
    collection: str = ""
    # By what texts are understood: `minilm`, `universal`, `words` (no model is there), or the model of an endpoint.
    model: str = ""
    # How many numbers a vector of this model has; 0 where there is none.
    dimension: int = 0
    # How many texts are in it.
    texts: int = 0
    # How many changes are still to be brought in.
    waiting: int = 0
    # How many texts the model did not take, however often they were tried. They are tried again by ReindexMemory.
    failed: int = 0
    # How long the change that waits longest has waited, seconds.
    lag_seconds: float = 0.0
