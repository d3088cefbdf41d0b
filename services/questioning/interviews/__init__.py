"""Interviews: sessions, their conversations, what is asked in them and what is answered."""
