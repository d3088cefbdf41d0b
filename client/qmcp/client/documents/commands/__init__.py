"""What to do when the documents service refuses."""

ADVICE = {
    "INVALID_ARGUMENT_CONFLICT": "Give a preset or the single options, not both.",
    "TEMPLATE_REFUSED": "Mend what the detail names, or save it as .docx without macros and links to other files.",
    "UPLOAD_TOO_LARGE": "Make it smaller, pictures above all, or ask the operator for a higher limit.",
    "TOO_MANY_REQUESTS": "Try again shortly.",
    "REQUEST_TIMEOUT": "Make the template smaller.",
    "ARCHIVE_NOT_FOUND": "Run it again.",
    "RUN_NOT_RELEASED": "Have its human request approved: `qmcp human show` of its `human_request_id`.",
    "TEMPLATE_NOT_FOUND": "`qmcp documents templates list` shows those that there are.",
    "TEMPLATE_AMBIGUOUS": "Give its id, as `qmcp documents templates list` shows it.",
    "TEMPLATES_LIMITED": "Delete what is not used any more: `qmcp documents templates delete`.",
}
