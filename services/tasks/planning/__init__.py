"""Plans as files of Markdown, in a folder of the operator's."""
