"""SQL of the board."""
