"""Runs an agent's tools, and proves what ran."""
