"""Whoever waits for an answer or watches events hears of them, from whichever replica."""
