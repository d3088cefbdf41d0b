"""The MCP endpoint: agents' clients speak the Model Context Protocol with it, and it speaks gRPC with the services."""
