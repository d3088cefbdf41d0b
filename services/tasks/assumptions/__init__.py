"""What was assumed of tasks, as tags, and whether it has held."""
