"""A request from question to outcome: asked, read, claimed, answered, ended."""
