"""The version that the tree says it is: what every page and command must say."""

import tomllib

from tests.architecture.tree import ROOT

VERSION = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
