"""Interviews, in the client: sessions, conversations, questions and answers."""
