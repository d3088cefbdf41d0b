"""Boards as documents: read, imported, exported."""
