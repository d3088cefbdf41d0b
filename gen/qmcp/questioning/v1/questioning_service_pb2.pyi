from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from qmcp.questioning.v1 import bank_pb2 as _bank_pb2
from qmcp.questioning.v1 import conversation_pb2 as _conversation_pb2
from qmcp.questioning.v1 import memory_pb2 as _memory_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateSessionRequest(_message.Message):
    __slots__ = ("user_id", "context", "metadata", "idempotency_key")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    context: str
    metadata: _containers.ScalarMap[str, str]
    idempotency_key: str
    def __init__(self, user_id: _Optional[str] = ..., context: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "user_id", "status")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    user_id: str
    status: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., user_id: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[_conversation_pb2.Session]
    next_page_token: str
    def __init__(self, sessions: _Optional[_Iterable[_Union[_conversation_pb2.Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DeleteSessionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CreateConversationRequest(_message.Message):
    __slots__ = ("session_id", "user_id", "topic", "context", "goal", "metadata", "idempotency_key", "on_behalf_of")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    user_id: str
    topic: str
    context: str
    goal: _conversation_pb2.Goal
    metadata: _containers.ScalarMap[str, str]
    idempotency_key: str
    on_behalf_of: str
    def __init__(self, session_id: _Optional[str] = ..., user_id: _Optional[str] = ..., topic: _Optional[str] = ..., context: _Optional[str] = ..., goal: _Optional[_Union[_conversation_pb2.Goal, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., idempotency_key: _Optional[str] = ..., on_behalf_of: _Optional[str] = ...) -> None: ...

class GetConversationRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListConversationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "session_id", "status", "ids")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    session_id: str
    status: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., session_id: _Optional[str] = ..., status: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListConversationsResponse(_message.Message):
    __slots__ = ("conversations", "next_page_token")
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    conversations: _containers.RepeatedCompositeFieldContainer[_conversation_pb2.Conversation]
    next_page_token: str
    def __init__(self, conversations: _Optional[_Iterable[_Union[_conversation_pb2.Conversation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CloseConversationRequest(_message.Message):
    __slots__ = ("id", "outcome")
    ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    id: str
    outcome: str
    def __init__(self, id: _Optional[str] = ..., outcome: _Optional[str] = ...) -> None: ...

class DeleteConversationRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("conversation_id", "page_size", "page_token")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    page_size: int
    page_token: str
    def __init__(self, conversation_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "next_page_token")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[_conversation_pb2.Message]
    next_page_token: str
    def __init__(self, messages: _Optional[_Iterable[_Union[_conversation_pb2.Message, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExportConversationsRequest(_message.Message):
    __slots__ = ("session_id", "conversation_id", "user_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    conversation_id: str
    user_id: str
    def __init__(self, session_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class PreviousMessage(_message.Message):
    __slots__ = ("role", "content", "timestamp")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    timestamp: str
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., timestamp: _Optional[str] = ...) -> None: ...

class GenerateQuestionsRequest(_message.Message):
    __slots__ = ("user_id", "conversation_id", "session_id", "context", "previous_messages", "metadata", "question_count", "goal", "idempotency_key", "auto_follow_up")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    AUTO_FOLLOW_UP_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    conversation_id: str
    session_id: str
    context: str
    previous_messages: _containers.RepeatedCompositeFieldContainer[PreviousMessage]
    metadata: _containers.ScalarMap[str, str]
    question_count: int
    goal: _conversation_pb2.Goal
    idempotency_key: str
    auto_follow_up: bool
    def __init__(self, user_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., session_id: _Optional[str] = ..., context: _Optional[str] = ..., previous_messages: _Optional[_Iterable[_Union[PreviousMessage, _Mapping]]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., question_count: _Optional[int] = ..., goal: _Optional[_Union[_conversation_pb2.Goal, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., auto_follow_up: _Optional[bool] = ...) -> None: ...

class GenerateFollowUpsRequest(_message.Message):
    __slots__ = ("user_id", "conversation_id", "session_id", "context", "previous_messages", "metadata", "question_count", "goal", "auto_follow_up", "idempotency_key")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    AUTO_FOLLOW_UP_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    conversation_id: str
    session_id: str
    context: str
    previous_messages: _containers.RepeatedCompositeFieldContainer[PreviousMessage]
    metadata: _containers.ScalarMap[str, str]
    question_count: int
    goal: _conversation_pb2.Goal
    auto_follow_up: bool
    idempotency_key: str
    def __init__(self, user_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., session_id: _Optional[str] = ..., context: _Optional[str] = ..., previous_messages: _Optional[_Iterable[_Union[PreviousMessage, _Mapping]]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., question_count: _Optional[int] = ..., goal: _Optional[_Union[_conversation_pb2.Goal, _Mapping]] = ..., auto_follow_up: _Optional[bool] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class AutomateInterviewRequest(_message.Message):
    __slots__ = ("user_id", "conversation_id", "session_id", "context", "previous_messages", "metadata", "question_count", "goal", "auto_handle_follow_up", "max_rounds", "idempotency_key")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    AUTO_HANDLE_FOLLOW_UP_FIELD_NUMBER: _ClassVar[int]
    MAX_ROUNDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    conversation_id: str
    session_id: str
    context: str
    previous_messages: _containers.RepeatedCompositeFieldContainer[PreviousMessage]
    metadata: _containers.ScalarMap[str, str]
    question_count: int
    goal: _conversation_pb2.Goal
    auto_handle_follow_up: bool
    max_rounds: int
    idempotency_key: str
    def __init__(self, user_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., session_id: _Optional[str] = ..., context: _Optional[str] = ..., previous_messages: _Optional[_Iterable[_Union[PreviousMessage, _Mapping]]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., question_count: _Optional[int] = ..., goal: _Optional[_Union[_conversation_pb2.Goal, _Mapping]] = ..., auto_handle_follow_up: _Optional[bool] = ..., max_rounds: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class QuestionItem(_message.Message):
    __slots__ = ("question_text", "question_number", "metadata", "id", "answer_type", "options", "reason", "score", "alternatives", "suggestion", "source", "suggestion_json")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUESTION_TEXT_FIELD_NUMBER: _ClassVar[int]
    QUESTION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_TYPE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    SUGGESTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SUGGESTION_JSON_FIELD_NUMBER: _ClassVar[int]
    question_text: str
    question_number: int
    metadata: _containers.ScalarMap[str, str]
    id: str
    answer_type: str
    options: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    score: float
    alternatives: _containers.RepeatedCompositeFieldContainer[QuestionAlternative]
    suggestion: _struct_pb2.Value
    source: _struct_pb2.Struct
    suggestion_json: str
    def __init__(self, question_text: _Optional[str] = ..., question_number: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., id: _Optional[str] = ..., answer_type: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., score: _Optional[float] = ..., alternatives: _Optional[_Iterable[_Union[QuestionAlternative, _Mapping]]] = ..., suggestion: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., source: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., suggestion_json: _Optional[str] = ...) -> None: ...

class QuestionAlternative(_message.Message):
    __slots__ = ("question_id", "score")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    score: float
    def __init__(self, question_id: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class QuestionBatch(_message.Message):
    __slots__ = ("current_question", "questions", "conversation_id", "session_id", "current_question_number", "total_questions_in_batch", "total_questions_estimated", "next_batch_needed", "metadata", "question")
    CURRENT_QUESTION_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENT_QUESTION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_QUESTIONS_IN_BATCH_FIELD_NUMBER: _ClassVar[int]
    TOTAL_QUESTIONS_ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    NEXT_BATCH_NEEDED_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    current_question: str
    questions: _containers.RepeatedCompositeFieldContainer[QuestionItem]
    conversation_id: str
    session_id: str
    current_question_number: int
    total_questions_in_batch: int
    total_questions_estimated: int
    next_batch_needed: bool
    metadata: _struct_pb2.Struct
    question: str
    def __init__(self, current_question: _Optional[str] = ..., questions: _Optional[_Iterable[_Union[QuestionItem, _Mapping]]] = ..., conversation_id: _Optional[str] = ..., session_id: _Optional[str] = ..., current_question_number: _Optional[int] = ..., total_questions_in_batch: _Optional[int] = ..., total_questions_estimated: _Optional[int] = ..., next_batch_needed: _Optional[bool] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., question: _Optional[str] = ...) -> None: ...

class AutomatedInterview(_message.Message):
    __slots__ = ("initial_questions", "follow_up_questions", "all_questions_combined", "conversation_id", "session_id", "total_questions", "metadata")
    INITIAL_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_UP_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    ALL_QUESTIONS_COMBINED_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    initial_questions: QuestionBatch
    follow_up_questions: QuestionBatch
    all_questions_combined: _containers.RepeatedCompositeFieldContainer[QuestionItem]
    conversation_id: str
    session_id: str
    total_questions: int
    metadata: _struct_pb2.Struct
    def __init__(self, initial_questions: _Optional[_Union[QuestionBatch, _Mapping]] = ..., follow_up_questions: _Optional[_Union[QuestionBatch, _Mapping]] = ..., all_questions_combined: _Optional[_Iterable[_Union[QuestionItem, _Mapping]]] = ..., conversation_id: _Optional[str] = ..., session_id: _Optional[str] = ..., total_questions: _Optional[int] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("question_id", "answer", "state", "answer_json")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    answer: _struct_pb2.Value
    state: str
    answer_json: str
    def __init__(self, question_id: _Optional[str] = ..., answer: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., state: _Optional[str] = ..., answer_json: _Optional[str] = ...) -> None: ...

class AnswerQuestionsRequest(_message.Message):
    __slots__ = ("conversation_id", "answers", "question_count", "idempotency_key")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    question_count: int
    idempotency_key: str
    def __init__(self, conversation_id: _Optional[str] = ..., answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., question_count: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ReviseAnswerRequest(_message.Message):
    __slots__ = ("conversation_id", "answer", "question_count", "idempotency_key")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    answer: Answer
    question_count: int
    idempotency_key: str
    def __init__(self, conversation_id: _Optional[str] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., question_count: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class InterviewStep(_message.Message):
    __slots__ = ("conversation", "questions", "tokens_used", "fallback")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_USED_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    conversation: _conversation_pb2.Conversation
    questions: _containers.RepeatedCompositeFieldContainer[QuestionItem]
    tokens_used: int
    fallback: str
    def __init__(self, conversation: _Optional[_Union[_conversation_pb2.Conversation, _Mapping]] = ..., questions: _Optional[_Iterable[_Union[QuestionItem, _Mapping]]] = ..., tokens_used: _Optional[int] = ..., fallback: _Optional[str] = ...) -> None: ...

class ExplainQuestionRequest(_message.Message):
    __slots__ = ("conversation_id", "question_id")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    question_id: str
    def __init__(self, conversation_id: _Optional[str] = ..., question_id: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("question", "answer", "times_asked")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TIMES_ASKED_FIELD_NUMBER: _ClassVar[int]
    question: QuestionItem
    answer: _conversation_pb2.Message
    times_asked: int
    def __init__(self, question: _Optional[_Union[QuestionItem, _Mapping]] = ..., answer: _Optional[_Union[_conversation_pb2.Message, _Mapping]] = ..., times_asked: _Optional[int] = ...) -> None: ...

class LintBankRequest(_message.Message):
    __slots__ = ("bank",)
    BANK_FIELD_NUMBER: _ClassVar[int]
    bank: _struct_pb2.Struct
    def __init__(self, bank: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class LintBankResponse(_message.Message):
    __slots__ = ("findings",)
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    findings: _containers.RepeatedCompositeFieldContainer[BankFinding]
    def __init__(self, findings: _Optional[_Iterable[_Union[BankFinding, _Mapping]]] = ...) -> None: ...

class BankFinding(_message.Message):
    __slots__ = ("kind", "subject", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    subject: str
    text: str
    def __init__(self, kind: _Optional[str] = ..., subject: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SimulateBankRequest(_message.Message):
    __slots__ = ("bank", "interviews", "seed")
    BANK_FIELD_NUMBER: _ClassVar[int]
    INTERVIEWS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    bank: _struct_pb2.Struct
    interviews: int
    seed: int
    def __init__(self, bank: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., interviews: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class BankSimulation(_message.Message):
    __slots__ = ("by_gain", "in_order")
    BY_GAIN_FIELD_NUMBER: _ClassVar[int]
    IN_ORDER_FIELD_NUMBER: _ClassVar[int]
    by_gain: SimulatedInterviews
    in_order: SimulatedInterviews
    def __init__(self, by_gain: _Optional[_Union[SimulatedInterviews, _Mapping]] = ..., in_order: _Optional[_Union[SimulatedInterviews, _Mapping]] = ...) -> None: ...

class SimulatedInterviews(_message.Message):
    __slots__ = ("interviews", "mean_questions", "max_questions", "accuracy")
    INTERVIEWS_FIELD_NUMBER: _ClassVar[int]
    MEAN_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    interviews: int
    mean_questions: float
    max_questions: int
    accuracy: float
    def __init__(self, interviews: _Optional[int] = ..., mean_questions: _Optional[float] = ..., max_questions: _Optional[int] = ..., accuracy: _Optional[float] = ...) -> None: ...

class GetMemoryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReindexMemoryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
