"""Metrics from Python: sending what was measured."""
