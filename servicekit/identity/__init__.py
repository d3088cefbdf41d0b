"""Who calls, and what they may do: credentials, whom a service asks about them, and what it remembers."""
