"""Brings in a human when an agent needs one, and loses nothing while it waits."""
