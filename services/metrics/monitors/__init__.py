"""Monitors: questions that are asked again and again, and what is done when the answer is not as it should be."""
