"""What to do when metrics refuses."""

ADVICE: dict[str, str] = {}
