"""What runs that were started wait with, until they have ended."""
