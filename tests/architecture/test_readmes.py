"""What READMEs and docs say of the tree is what the tree has: settings, metrics, files, links."""

import ast
import importlib
import json
import re
from pathlib import Path, PurePosixPath

import pytest

from devstack import services
from servicekit.settings import ServiceSettings
from tests.architecture import tree
from tests.assertions import every

PAGES = [name for name in tree.written() if name.endswith(".md")]
PROCEDURE = re.compile(r"CREATE PROCEDURE (\w+)\(\)(.*?)\$\$;", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
METRIC = re.compile(r"qmcp_[a-z]+(?:_[a-z]+)+")
# In a picture: who calls whom.
ARROW = re.compile(r"^    (\w+) -->(?:\|[^|]*\|)? (\w+)", re.MULTILINE)
SETTING = re.compile(r"`([A-Z]+(?:_[A-Z]+)+|DEBUG|AUTH)`")

every_service = pytest.mark.parametrize("service", tree.services())


@pytest.mark.parametrize("service", tree.services())
def test_a_readme_lists_exactly_the_settings_of_its_service(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    named = SETTING.findall(tree.text(f"services/{service}/README.md"))
    assert sorted(named) == sorted(name.upper() for name in settings.model_fields)


@every_service
def test_a_readme_gives_the_defaults_that_the_code_has(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    own = settings.model_fields.keys() - ServiceSettings.model_fields.keys()
    rows = [line for line in tree.text(f"services/{service}/README.md").splitlines() if line.startswith("| `")]
    given: dict[str, str] = {}
    for row in rows:
        names, defaults = row.split(" | ")[:2]
        values = re.findall(r"`([^`]*)`", defaults) or ["" for _ in SETTING.findall(names)]
        given.update(zip(SETTING.findall(names), values, strict=True))
    assert given == {name.upper(): _shown(settings.model_fields[name].default) for name in own}


@every_service
def test_a_page_lists_exactly_the_metrics_that_its_service_exports(service: str) -> None:
    named = {_stem(name) for name in METRIC.findall(tree.text(f"docs/{service}.md"))}
    exported = {_stem(name) for name in _exported(f"services/{service}/", "servicekit/", "gateway/web/")}
    if not any("servicekit.search" in tree.text(name) for name in tree.python() if f"services/{service}/" in name):
        # Who finds nothing by meaning has none of that.
        exported -= {_stem(name) for name in _exported("servicekit/search/")}
    assert named == exported


def test_the_page_of_mcp_lists_exactly_the_metrics_that_the_endpoint_exports() -> None:
    exported = {_stem(name) for name in _exported("gateway/mcp/", "gateway/web/counting")}
    assert {_stem(name) for name in METRIC.findall(tree.text("docs/mcp.md"))} == exported


@pytest.mark.parametrize("board", sorted(tree.ROOT.glob("k8s/base/*/dashboards/*.json")), ids=lambda path: path.stem)
def test_a_dashboard_asks_for_what_pages_list_and_no_two_panels_lie_on_each_other(board: Path) -> None:
    panels = json.loads(board.read_text())["panels"]
    asked = {name for each in panels for target in each["targets"] for name in METRIC.findall(f"`{target['expr']}`")}
    listed = {_stem(name) for service in tree.services() for name in METRIC.findall(tree.text(f"docs/{service}.md"))}
    assert {_stem(re.sub("_bucket$", "", name)) for name in asked} <= listed
    places = [tuple(sorted(each["gridPos"].items())) for each in panels]
    assert len(set(places)) == len(panels) > 0


@every_service
def test_a_readme_lists_exactly_the_tables_of_its_service(service: str) -> None:
    folders = (f"services/{service}/migrations/", "servicekit/schema/")
    sql = "".join(tree.text(name) for name in tree.files() if name.startswith(folders))
    # Those of the kit that only some services have are made by a procedure that these call.
    for name, body in PROCEDURE.findall(sql):
        sql = sql.replace(body, "") if f"CALL {name}()" not in sql else sql
    tables = set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", sql))
    stated = re.search(r"\*\*Tables:\*\*(.*?)(?:\n- |\n\n)", tree.text(f"services/{service}/README.md"), re.DOTALL)
    assert stated
    assert set(re.findall(r"`(\w+)`", stated[1])) == tables


@every({page: page for page in PAGES})
def test_every_link_leads_somewhere(page: str) -> None:
    folder = tree.ROOT / PurePosixPath(page).parent
    targets = [target for target in LINK.findall(tree.text(page)) if "://" not in target]
    assert not [target for target in targets if not (folder / target).exists()]


@every({page: page for page in PAGES})
def test_every_path_in_a_page_exists(page: str) -> None:
    tops = {name.split("/")[0] for name in tree.files() if "/" in name}
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", tree.text(page))
    folder = tree.ROOT / PurePosixPath(page).parent
    paths = [path for path in named if path.split("/")[0] in tops]
    assert not [path for path in paths if not (tree.ROOT / path).exists() and not (folder / path).exists()]


@pytest.mark.parametrize("service", services.found(), ids=lambda service: service.name)
def test_pages_that_list_the_services_have_every_one_with_whom_it_calls(service: services.Service) -> None:
    name, calls = service.name, {(service.name, peer) for peer in service.settings.PEERS}
    for page in ("README.md", "docs/architecture.md"):
        text = tree.text(page)
        assert calls | {("envoy", name)} <= set(ARROW.findall(text)), page
        assert (name, "postgres") in ARROW.findall(text) or f'[("{service.database}")]' in text, page
    assert f"(docs/{name}.md" in tree.text("README.md")
    assert f"`{name}`" in tree.text("docs/architecture.md").partition("```")[0]
    operations = tree.text("docs/operations.md")
    [keys] = re.findall(r"^python -m devstack\.keys keys (.+) admin=admin$", operations, re.MULTILINE)
    assert name in keys.split()
    for secret in (f"{name}-database", f"{name}-access-key"):
        assert f"create secret generic {secret} " in operations


def _shown(default: object) -> str:
    return "" if default in (None, ()) else str(default)


def _stem(name: str) -> str:
    return name.removesuffix("_total")


def _exported(*folders: str) -> set[str]:
    """The names of metrics in the code: they are constants, because a name that is put together cannot be searched."""
    found = set()
    for name in tree.python():
        if name.startswith(folders):
            for node in ast.walk(ast.parse(tree.text(name))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and METRIC.fullmatch(node.value):
                    found.add(node.value)
    return found
