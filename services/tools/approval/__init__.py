"""Approval before execution: asks humans through hitl, and does what they say exactly once."""
