"""The `qmcp` command: one file a group of subcommands."""

from qmcp.client.cli.app import app, main

__all__ = ["app", "main"]
