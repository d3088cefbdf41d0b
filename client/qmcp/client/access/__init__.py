"""Who may do what, in the client: keys, roles, denials."""
