"""MCP servers of others: their tools in the catalogue, and the connections over which they run."""
