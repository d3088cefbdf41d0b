# Generated from the folders of the services by client/generate. `make generate` writes it again.
"""The client for ordinary code."""

from qmcp.client.access.sync import Access
from qmcp.client.documents.sync import Documents
from qmcp.client.hitl.sync import Hitl
from qmcp.client.metrics.sync import Metrics
from qmcp.client.questioning.sync import Questioning
from qmcp.client.tasks.sync import Tasks
from qmcp.client.tools.sync import Tools


class Client(Access, Documents, Hitl, Metrics, Questioning, Tasks, Tools):
    """Calls QMCP over gRPC: all of it through the edge, or one service alone. Threads may share it.

    Every method raises a `QmcpError` when it fails, and has sent the call again before where that could help.
    """
