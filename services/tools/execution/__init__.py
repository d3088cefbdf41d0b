"""Execution: runs tools at most once, within their limits, and ends what dead replicas left open."""
