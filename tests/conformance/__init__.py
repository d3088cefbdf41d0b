"""The official conformance suite of MCP, run against the whole system."""
