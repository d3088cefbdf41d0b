"""Stored templates: versions by name, which runs may name in place of sending a file."""
