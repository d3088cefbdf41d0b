"""`python -m tests.conformance.endpoint`: the MCP endpoint with the suite's fixtures around its handlers."""

import uvicorn
from prometheus_client import CollectorRegistry

from gateway.mcp import logs
from gateway.mcp.app import endpoint, serving
from gateway.mcp.channels import Channels
from gateway.settings import McpSettings
from tests.conformance import fixtures


def main() -> None:
    """Serves until a signal asks for the end."""
    settings, registry = McpSettings(), CollectorRegistry()
    logs.configure("WARNING", "json")
    channels = Channels(settings)
    spoken = endpoint(settings, channels, registry)
    fixtures.add_to(spoken.server)
    app = serving(settings, channels, spoken, registry)
    uvicorn.run(app, host=settings.mcp_host, port=settings.mcp_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
