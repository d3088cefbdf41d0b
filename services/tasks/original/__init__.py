"""What the original's clients ask for in its own words: all boards at once, how the service does, locks of agents."""
