"""Templates that say `{{ value }}`, with loops and conditions, in Jinja."""
