"""Asks a language model for questions about a context; what it says is checked like anybody's input."""
