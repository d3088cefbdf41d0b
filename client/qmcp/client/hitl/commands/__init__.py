"""`qmcp human`, and what to do when hitl refuses."""

ADVICE = {
    "HUMAN_REQUEST_NOT_FOUND": "`qmcp human list` shows the newest.",
    "HUMAN_REQUEST_EXISTS": "Choose another --id, or leave it to QMCP.",
    "ALREADY_RESPONDED": "`qmcp human show ID` shows the answer.",
    "HUMAN_REQUEST_EXPIRED": "Ask again with `qmcp human ask`.",
    "HUMAN_REQUEST_CANCELLED": "`qmcp human show ID` shows why.",
    "HUMAN_REQUEST_ENDED": "`qmcp human show ID` shows how.",
    "RESPONSE_INVALID": "`qmcp human show ID` shows what may be answered.",
    "ALREADY_CLAIMED": "Take it with --take-over.",
    "NOT_ASSIGNED": "`qmcp human show ID` shows who is asked.",
    "CONTACT_NOT_FOUND": "`qmcp human contacts list` shows the contacts there are.",
    "WEBHOOK_NOT_FOUND": "`qmcp human webhooks list` shows the webhooks there are.",
}
