"""Every figure that the documentation claims, as a command that measures it again: `python -m benchmarks`."""
