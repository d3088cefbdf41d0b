"""Writes compose.yaml for the services that there are: `python -m devstack.compose`."""

import tomllib
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from devstack.keys import admin_file, mcp_state_file
from devstack.processes import EXPORT
from devstack.services import found, taker_of

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = Path(__file__).with_name("compose.yaml.jinja")
COMPOSE = ROOT / "compose.yaml"
# In a container: what a service keeps for itself, and the keys by which services call one another.
HOME = Path("/var/lib/qmcp")
KEYS = Path("/var/lib/qmcp-services")


def rendered() -> str:
    """What compose.yaml holds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    services = sorted(found(), key=lambda service: service.name)
    files = {service.name: service.files(HOME, KEYS) for service in services}
    # It is YAML, which has no markup to escape.
    jinja = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined)  # noqa: S701
    return jinja.from_string(TEMPLATE.read_text()).render(
        version=project["version"],
        services=services,
        files=files,
        # Those that have something of their own to keep.
        keeping=[name for name, placed in files.items() if any(file.parent == HOME for file in placed.values())],
        # Those that find texts by meaning.
        searching=[service.name for service in services if "qdrant_url" in service.settings.model_fields],
        # Whom the others tell what they count.
        keeper=taker_of(EXPORT),
        # Who makes the first key of all.
        admin=next(name for name, placed in files.items() if admin_file(HOME) in placed.values()),
        admin_file=admin_file(HOME),
        mcp_state_file=mcp_state_file(HOME),
        # Rules on figures that only one service has.
        alerts=sorted(path.relative_to(ROOT) for path in ROOT.glob("k8s/base/*/alerts/*.yml")),
        # Pages that only one service has.
        targets=sorted(path.relative_to(ROOT) for path in ROOT.glob("k8s/base/*/targets/*.yml")),
        # What Grafana shows of a service.
        dashboards=sorted(path.relative_to(ROOT) for path in ROOT.glob("k8s/base/*/dashboards/*.json")),
        home=HOME,
        keys=KEYS,
    )


if __name__ == "__main__":
    COMPOSE.write_text(rendered())
