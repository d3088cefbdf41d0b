"""What to ask next: engines that look at a goal and its answers, and at nothing else, so that they can be replayed."""
