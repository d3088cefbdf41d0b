"""What was said before, found by its meaning: kept beside the database, and made again from it."""
