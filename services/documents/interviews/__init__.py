"""Interviews in a run: what a task lacks is asked for in a conversation of questioning."""
