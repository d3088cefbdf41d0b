"""The calls of the tasks service that are about planning files."""
