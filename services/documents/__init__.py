"""Fills Word templates, checks what came of it, and proves where each value is from."""
