"""SQL of runs: those that are answered with their archive, and those that were started."""
