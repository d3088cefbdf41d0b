"""Holds callers to their calls a minute, over all replicas."""
