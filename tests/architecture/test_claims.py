"""What the documentation says without reserve has a test: claims.toml names it, and nothing is claimed that it does not name."""

import ast
import re
import tomllib
from functools import cache

import pytest

from tests.architecture import tree

WITHOUT_RESERVE = re.compile(r"\bthe same\b|\bnever\b|\bwithin (?:a|one) second\b", re.IGNORECASE)
# Figures are measured again by a command of benchmarks/.
PAGES = [name for name in tree.written() if re.fullmatch(r"docs/[\w-]+\.md|README\.md", name)]
PAGES.remove("docs/benchmarks.md")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
BLOCK_ENDS = re.compile(r"\n\s*\n|\n(?=\s*[-*|] |\||\s*\d+\. )")
SENTENCE_ENDS = re.compile(r"(?<=[.!?]) +(?=[A-Z`\[(*])")
# A row of the compatibility page has an id, and tests that carry it.
ROW_WITH_AN_ID = re.compile(r"\|\s*[A-Z]+\d+\s*\|")


def claims_of(page: str) -> list[str]:
    """The sentences of a page that hold without reserve."""
    blocks = BLOCK_ENDS.split(CODE.sub("", page))
    texts = [
        " ".join(cell.split())
        for block in blocks
        if not ROW_WITH_AN_ID.match(block)
        for cell in (block.split("|") if block.startswith("|") else [block])
    ]
    return [sentence for text in texts for sentence in SENTENCE_ENDS.split(text) if WITHOUT_RESERVE.search(sentence)]


@cache
def proofs() -> dict[str, dict[str, list[str]]]:
    """By page and by words of a sentence: the tests that prove it, as `file::name`."""
    return tomllib.loads((tree.ROOT / "tests/architecture/claims.toml").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_every_claim_without_reserve_has_a_test(page: str) -> None:
    known = proofs().get(page, {})
    unproven = [claim for claim in claims_of(tree.text(page)) if not any(words in claim for words in known)]
    assert not unproven, "name its test in tests/architecture/claims.toml, or do not say it"


@pytest.mark.parametrize("page", proofs())
def test_what_is_proven_is_still_said(page: str) -> None:
    said = claims_of(tree.text(page))
    assert not [words for words in proofs()[page] if not any(words in claim for claim in said)]


@pytest.mark.parametrize("page", proofs())
def test_the_tests_of_claims_exist(page: str) -> None:
    named = {test for tests in proofs()[page].values() for test in tests}
    assert named
    missing = [test for test in named if test.partition("::")[2] not in _tests_of(test.partition("::")[0])]
    assert not missing


def test_a_sentence_without_reserve_would_be_found() -> None:
    page = "Before.\n\n- A key is never shown. It may be rotated.\n\n| Q1 | the same |\n| x | The same |\n\n```sh\nnever\n```\n"
    assert claims_of(page) == ["- A key is never shown.", "The same"]


@cache
def _tests_of(name: str) -> set[str]:
    module = ast.parse(tree.text(name))
    return {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
