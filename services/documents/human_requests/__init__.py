"""People in a run: asked for what a task lacks, and whether its document may be given out."""
