"""The subcommands that belong to no service."""

ADVICE: dict[str, str] = {}
