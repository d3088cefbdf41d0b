"""What agents have learned: about a task, an epic, a project, or everything."""
