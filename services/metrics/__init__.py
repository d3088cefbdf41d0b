"""Takes in what agents and MCP servers measure, keeps it, and answers questions about it."""
