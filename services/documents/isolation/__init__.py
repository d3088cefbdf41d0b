"""Work on what strangers sent, in a process of its own each, which can hardly do a thing and ends at its time."""
