"""SQL of monitors."""
