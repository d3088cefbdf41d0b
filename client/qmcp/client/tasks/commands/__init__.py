"""What to do when the tasks service refuses."""

ADVICE = {
    "TRANSITION_NOT_ALLOWED": "docs/tasks.md shows the table of transitions.",
    "DEPENDENCIES_OPEN": "Complete what it waits for first, or take it out of its dependencies.",
    "TASK_LEASED": "Take another task, or come back when its lease has ended.",
    "LEASE_LOST": "Stop working on it, or acquire it again.",
    "RESOURCES_HELD": "Take another task, or come back when the one that holds them has ended.",
    "EXPORT_TOO_LARGE": "Name fewer projects, or one epic.",
    "PLANNING_FILE_EXISTS": "Give one of the two another name.",
    "NAME_TAKEN": "Choose another name.",
}
