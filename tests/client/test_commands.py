"""The subcommands are found in the folders of the services, and start without what they do not need."""

import subprocess
import sys
from importlib import import_module

import pytest
from qmcp.client.cli import groups

from tests.architecture import tree
from tests.client.command import qmcp

FOLDER = "client/qmcp/client/"
# Each takes longer to import than most commands to run.
HEAVY = ("grpc", "google.protobuf", "httpx", "cryptography", "opentelemetry")


def test_every_module_in_a_folder_of_commands_is_a_command() -> None:
    parts = [name.removeprefix(FOLDER).split("/") for name in tree.python() if name.startswith(FOLDER)]
    named = {path[2].removesuffix(".py") for path in parts if path[1:2] == ["commands"]} - {"__init__"}
    assert groups.modules().keys() == named
    shown = qmcp("--help").out
    assert all(f" {name} " in shown for name in named)


@pytest.mark.parametrize("name", groups.modules())
def test_a_command_says_what_it_is_for(name: str) -> None:
    ended = qmcp(name, "--help")
    assert ended.code == 0, ended.err
    assert f" {name} [OPTIONS]" in ended.out


def test_a_service_says_what_to_do_when_it_refuses() -> None:
    for service in tree.services():
        advice: dict[str, str] = import_module(f"qmcp.client.{service}.commands").ADVICE
        declared = tree.text(f"protos/qmcp/{service}/v1/error_reason.proto")
        assert advice
        assert not {reason for reason in advice if f"ERROR_REASON_{reason} " not in declared}


@pytest.mark.parametrize("words", [["--help"], ["tools", "list", "--help"], ["keys", "--help"]], ids=" ".join)
def test_help_imports_nothing_that_only_calls_need(words: list[str]) -> None:
    code = "import atexit, sys; from qmcp.client.cli import main\n"
    code += f"atexit.register(lambda: print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr))\n"
    code += "main()"
    ended = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert "Usage" in ended.stdout
    assert ended.stderr.split() == []
