"""Tools in the client: running them, the record of what ran, and the proof of it."""
