"""The SQL of what is taken in."""
