"""The errors of the questioning service: every reason stands in error_reason.proto."""

from collections.abc import Sequence

from servicekit.errors import (
    ServiceError,
    Violation,
    already_exists,
    failed_precondition,
    invalid_argument,
    not_found,
)


def session_not_found(session_id: str) -> ServiceError:
    return not_found("SESSION_NOT_FOUND", f"There is no session {session_id!r}.", session_id=session_id)


def conversation_not_found(conversation_id: str) -> ServiceError:
    message = f"There is no conversation {conversation_id!r}."
    return not_found("CONVERSATION_NOT_FOUND", message, conversation_id=conversation_id)


def closed(what: str) -> ServiceError:
    return failed_precondition(
        "CLOSED", f"The {what} is closed: nothing more is asked or answered in it. Begin another."
    )


def question_not_found(question_id: str) -> ServiceError:
    message = f"There is no question {question_id!r} here, or not with what was answered so far."
    return not_found("QUESTION_NOT_FOUND", message, question_id=question_id)


def answer_invalid(field: str, question_id: str, why: str) -> ServiceError:
    message = f"The answer to {question_id!r} {why}."
    return invalid_argument("ANSWER_INVALID", message, [Violation(field, why)], question_id=question_id)


def already_answered(question_id: str) -> ServiceError:
    message = f"{question_id!r} was answered with something else. To replace that answer, revise it."
    return already_exists("ALREADY_ANSWERED", message, question_id=question_id)


def bank_not_found(named: str) -> ServiceError:
    return not_found("BANK_NOT_FOUND", f"There is no bank {named!r}.", bank=named)


def nothing_learned(bank_id: str) -> ServiceError:
    message = "No interview with this version is over of which it is known what held: close some, with their outcome."
    return failed_precondition("NOTHING_LEARNED", message, bank_id=bank_id)


def bank_invalid(faults: Sequence[Violation]) -> ServiceError:
    first = faults[0]
    return invalid_argument("BANK_INVALID", f"This is no bank: {first.field} {first.description}.", faults)


def memory_away(why: str) -> ServiceError:
    return failed_precondition("MEMORY_AWAY", f"The memory cannot be made again now: {why}.")
