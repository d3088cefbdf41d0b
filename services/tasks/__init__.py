"""Shares out work among many agents: projects, epics and tasks that all of them see and change safely."""
