"""The one error that the person at the keyboard sees instead of a traceback."""


class CannotRunError(Exception):
    """Says in plain sentences why something does not start or does not go on, and what to do about it."""
