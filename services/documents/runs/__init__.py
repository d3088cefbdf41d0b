"""Runs: each takes its turn, is rendered, packed, kept, and found again."""
