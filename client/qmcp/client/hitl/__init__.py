"""Questions to people, in the client: asking, answering, waiting and following."""
