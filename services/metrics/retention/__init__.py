"""How long events and roll-ups are kept, and how large they are."""
