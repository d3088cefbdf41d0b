# Generated from the folders of the services by client/generate. `make generate` writes it again.
"""The client for asyncio."""

from qmcp.client.access.aio import AsyncAccess
from qmcp.client.documents.aio import AsyncDocuments
from qmcp.client.hitl.aio import AsyncHitl
from qmcp.client.metrics.aio import AsyncMetrics
from qmcp.client.questioning.aio import AsyncQuestioning
from qmcp.client.tasks.aio import AsyncTasks
from qmcp.client.tools.aio import AsyncTools


class AsyncClient(AsyncAccess, AsyncDocuments, AsyncHitl, AsyncMetrics, AsyncQuestioning, AsyncTasks, AsyncTools):
    """Calls QMCP over gRPC: all of it through the edge, or one service alone. Belongs to one event loop.

    Every method raises a `QmcpError` when it fails, and has sent the call again before where that could help.
    """
