"""What the incoming webhooks of chats take: each question as text that is shown to the letter, and a button."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from services.hitl.delivery.notices import Notice, subject

BACKTICKS = re.compile("`{3,}")


def chat(kind: str, notices: Sequence[Notice]) -> bytes:
    """The body of a post to a chat's incoming webhook.

    Args:
        kind: `slack`, `mattermost` or `teams`.
        notices: at least one.
    """
    return orjson.dumps(FORMS[kind](notices))


def _slack(notices: Sequence[Notice]) -> Any:
    """Blocks of plain text, in which Slack finds no mentions, links or styles."""
    blocks: list[Any] = []
    for notice in notices:
        blocks += [
            {"type": "section", "text": {"type": "plain_text", "text": _words(notice)[:3_000], "emoji": False}},
            {
                "type": "actions",
                "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Answer"}, "url": notice.link}],
            },
        ]
    # What notifications show: as mrkdwn, so nothing of it may begin a mention or a link.
    fallback = subject(notices).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": fallback, "blocks": blocks}


def _mattermost(notices: Sequence[Notice]) -> Any:
    """Markdown, with what strangers wrote in blocks of code, in which nothing is a mention or a link."""
    parts = []
    for notice in notices:
        words = _words(notice)
        fence = "`" * (1 + max((len(run) for run in BACKTICKS.findall(words)), default=2))
        parts.append(f"{fence}\n{words}\n{fence}\n[Answer]({notice.link})")
    return {"text": "\n\n".join(parts)}


def _teams(notices: Sequence[Notice]) -> Any:
    """An adaptive card whose runs of text are shown as they are."""
    body: list[Any] = []
    for notice in notices:
        body += [
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": _words(notice)}]},
            {
                "type": "ActionSet",
                "actions": [{"type": "Action.OpenUrl", "title": "Answer", "url": notice.link}],
            },
        ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": subject(notices),
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _words(notice: Notice) -> str:
    arguments = "\n".join(f"{name}: {value}" for name, value in notice.arguments)
    return "\n\n".join(filter(None, (notice.title, notice.prompt, arguments, f"Answer before {notice.until}.")))


FORMS: Mapping[str, Callable[[Sequence[Notice]], Any]] = {
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
}
