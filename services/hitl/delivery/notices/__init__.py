"""What a contact is sent: questions in words, each with the link by which its person answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.hitl.links.pages import rows
from services.hitl.links.pages.visible import visible
from services.hitl.models import HumanRequest

# How much of one text is sent; the page behind the link has all of it. Slack takes 3,000 characters in one place.
MAX_CHARACTERS = 1_000
CUT = " … (the page has the rest)"
# How many arguments of what will be done are sent.
MAX_ARGUMENTS = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """One question to one person."""

    title: str
    prompt: str
    # What will be done: names and values.
    arguments: Sequence[tuple[str, str]]
    until: str
    link: str


def notice(request: HumanRequest, kind: str, link: str) -> Notice:
    """A question in words that hide nothing.

    Args:
        request: the question.
        kind: of the event that it is told for.
        link: where its person answers.
    """
    spec = request.spec
    again = "Reminder: " if kind == "reminded" else ""
    arguments = rows(spec.proposed_arguments)
    shown = [(_shown(name), _shown(value)) for name, value in arguments[:MAX_ARGUMENTS]]
    if len(arguments) > MAX_ARGUMENTS:
        shown.append(("", CUT.strip()))
    return Notice(
        title=f"{again}{_line(spec.requester)} asks ({_line(spec.request_type)}, {spec.priority})",
        prompt=_shown(spec.prompt),
        arguments=shown,
        until=f"{request.expires_at:%Y-%m-%d %H:%M} UTC",
        link=link,
    )


def subject(notices: Sequence[Notice]) -> str:
    """One line that says what all of it is about."""
    if len(notices) > 1:
        return f"{len(notices)} questions wait for your answer"
    [one] = notices
    return _line(f"{one.title}: {one.prompt}")


def _shown(text: str) -> str:
    return visible(text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + CUT)


def _line(text: str) -> str:
    return " ".join(visible(text).split())[:150]
