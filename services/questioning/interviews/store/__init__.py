"""The SQL of sessions, conversations and messages."""
