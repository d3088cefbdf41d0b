"""Boards that agents share, in the client: projects, epics, tasks and their logs."""
