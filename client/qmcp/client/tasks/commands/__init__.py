"""What to do when the tasks service refuses."""

ADVICE = {
    "TRANSITION_NOT_ALLOWED": "docs/tasks.md shows the table of transitions.",
    "DEPENDENCIES_OPEN": "Complete what it waits for first, or take it out of its dependencies.",
    "NAME_TAKEN": "Choose another name.",
}
