"""The SQL of requests, answers and events."""
