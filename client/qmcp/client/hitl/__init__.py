"""Questions to people, in the client: the calls of hitl, their values, and how waits and watches go on."""
