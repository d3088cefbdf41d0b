"""The decision records: numbered without gaps, short, and the one on libraries names every dependency."""

import re
import tomllib

from tests.architecture import tree

RECORDS = [name for name in tree.files() if name.startswith("docs/decisions/")]
MAX_LINES = 60


def test_records_are_numbered_without_gaps_and_short() -> None:
    numbers = [int(name.removeprefix("docs/decisions/")[:4]) for name in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))
    for number, name in zip(numbers, RECORDS, strict=True):
        lines = tree.text(name).splitlines()
        assert lines[0].startswith(f"# {number}. ")
        assert len(lines) <= MAX_LINES, name


def test_every_dependency_has_a_line_that_says_why() -> None:
    project = tomllib.loads(tree.text("pyproject.toml"))["project"]
    wanted = {re.split(r"[\[<>=; ]", each)[0] for each in project["dependencies"]}
    wanted |= {re.split(r"[\[<>=; ]", each)[0] for each in project["optional-dependencies"]["laptop"]}
    record = tree.text("docs/decisions/0002-libraries.md")
    named: set[str] = set()
    for line in record.splitlines():
        if line.startswith("| ") and not line.startswith("| Library"):
            first, *suffixes = (each.strip() for each in line.split("|")[1].split(","))
            named |= {first, *(f"{first}{each}" if each.startswith("-") else each for each in suffixes)}
    prefixes = {name.removesuffix("-…") for name in named if name.endswith("-…")}
    missing = {name for name in wanted if name not in named and not name.startswith(tuple(prefixes))}
    assert not {name for name in missing if name not in record}
    gone = {name for name in named if name not in wanted and not name.endswith("-…")}
    assert not gone, "these are no dependencies any more"
