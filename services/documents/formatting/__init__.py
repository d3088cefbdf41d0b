"""Whether a document is formatted as its house wants it, by a policy or by its own template."""
