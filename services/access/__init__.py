"""Knows who may do what: keys, roles, and what was refused."""
