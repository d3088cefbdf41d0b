"""Boards as a stream: what is there, and then each change, once and in order, from whichever replica."""
