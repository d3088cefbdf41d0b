"""`qmcp metrics`, and what to do when metrics refuses."""

ADVICE = {
    "RATE_LIMITED": "Send more events in one call: 10,000 count as one.",
    "MONITOR_NOT_FOUND": "`qmcp metrics monitors list` shows those there are.",
}
