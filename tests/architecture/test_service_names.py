"""Nothing but a service's own folders knows it by name: what must know of it looks at the folders, or into the contract."""

import re

from tests.architecture import tree

# The one whose name is no other word. What holds for it holds for those that are found in the same way.
SERVICE = "hitl"
NAME = re.compile(rf"\b{SERVICE}\b")
OWN = tuple(f"{place}/{SERVICE}/" for place in ("protos/qmcp", "services", "k8s/base", "tests", "client/qmcp/client"))
# Not the product: who proves, explains and measures names what it is about.
ABOUT = ("tests/", "docs/", "benchmarks/", "gen/")
# The services that call it: for approval before execution, when a monitor fires, and for what a document lacks.
CALLER = tuple(
    f"{place}/{caller}/" for place in ("services", "k8s/base") for caller in ("tools", "metrics", "documents")
)
# Whatever else names it, and why it has to.
KNOWN = {
    **dict.fromkeys(
        (
            "client/qmcp/client/__init__.py",
            "client/qmcp/client/aio.py",
            "client/qmcp/client/sync.py",
            "compose.yaml",
            "k8s/base/kustomization.yaml",
            "k8s/overlays/dev/services/kustomization.yaml",
        ),
        "generated from the folders",
    ),
    "gateway/mcp/approvals.py": "whom a call waits for is asked by forms of MCP, and answers for itself there",
    "services/access/roles.py": "who may do what is decided there, for all services",
}


def test_no_file_names_a_service_but_its_own_its_callers_and_a_known_few() -> None:
    naming = {
        name
        for name in tree.files()
        if not name.startswith((*OWN, *ABOUT, *CALLER)) and not name.endswith(".md") and NAME.search(tree.text(name))
    }
    assert naming == KNOWN.keys()
