"""`qmcp interview`, and what to do when questioning refuses."""

ADVICE = {
    "SESSION_NOT_FOUND": "`qmcp interview list` shows the newest conversations with their sessions.",
    "CONVERSATION_NOT_FOUND": "`qmcp interview list` shows the newest.",
    "CLOSED": "Begin another with `qmcp interview start`.",
    "QUESTION_NOT_FOUND": "`qmcp interview show ID` shows what was asked and answered.",
    "ALREADY_ANSWERED": "`qmcp interview revise` replaces an answer.",
    "MEMORY_AWAY": "`qmcp interview memory show` tells why.",
    "BANK_INVALID": "docs/questioning.md describes what a bank is made of.",
}
