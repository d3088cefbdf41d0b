"""The catalogue: what tools there are, and what stands behind each."""
