"""What callers send: forms taken apart as they come, and what their fields mean."""
