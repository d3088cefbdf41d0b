"""Asks the next best question, so that an agent finds out what it needs in as few as possible."""
