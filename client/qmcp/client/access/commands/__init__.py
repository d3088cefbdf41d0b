"""`qmcp keys`, `roles`, `whoami`, `denials`, and what to do when access refuses."""

ADVICE = {
    "KEY_NOT_FOUND": "`qmcp keys list --all` shows the keys there are.",
    "KEY_NOT_VALID": "Make a new one with `qmcp keys create`.",
    "ROLE_UNKNOWN": "`qmcp roles list` shows the roles there are.",
    "ROLE_NOT_FOUND": "`qmcp roles list` shows the roles there are.",
    "ROLE_EXISTS": "Change it with `qmcp roles update`, or choose another name.",
    "ROLE_BUILT_IN": "Make one of your own with `qmcp roles create`.",
    "ROLE_IN_USE": "Revoke the keys that have it first; `qmcp keys list` shows them.",
}
