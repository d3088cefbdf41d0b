"""Projects, epics and tasks: what they are, what they are at, and what happened to them."""
