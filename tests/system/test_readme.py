"""Every command of README.md does what README.md says, and every link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, Stack

TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines() if line]
START = "make run"
# What README shows of an answer, by the command's beginning.
ANSWERS = {
    "curl -s http://127.0.0.1:3333/v1/tools/echo": '"result":"hello"',
    "curl -s http://127.0.0.1:3333/v1/invocations": '"tool_name":"echo"',
    "grpcurl": '"result":"hello"',
    ".venv/bin/qmcp tools list": "planner",
    ".venv/bin/qmcp tools invoke": "hello",
    ".venv/bin/qmcp invocations list": "echo",
    ".venv/bin/qmcp receipts verify": "",
}


def at(stack: Stack, text: str) -> str:
    """README's address is the default one; ours is free."""
    return text.replace("http://127.0.0.1:3333", stack.edge_url).replace("127.0.0.1:3333", stack.grpc_target)


def test_the_first_command_is_the_start_and_all_others_have_an_expected_answer() -> None:
    assert COMMANDS[0] == START
    assert not [line for line in COMMANDS[1:] if not any(line.startswith(beginning) for beginning in ANSWERS)]


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_a_command_of_the_readme_answers_as_shown(command: str, stack: Stack) -> None:
    program = command.split(maxsplit=1)[0]
    if program == "grpcurl" and shutil.which(program, path=path()) is None:
        pytest.skip("NOT TESTED: grpcurl is not installed (go install github.com/fullstorydev/grpcurl/cmd/grpcurl)")
    # The commands of the environment that the tests run in: `make test` runs them in .venv.
    line = at(stack, command).replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    env = {**stack.env, "PATH": path(), "QMCP_URL": stack.edge_url}
    done = subprocess.run(line, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = next(answer for beginning, answer in ANSWERS.items() if command.startswith(beginning))
    assert shown in re.sub(r'([:,{])\s+(?=["{\d])', r"\1", done.stdout), done.stdout


def test_the_python_of_the_readme_runs(stack: Stack) -> None:
    for language, block in BLOCKS:
        if language == "python":
            done = subprocess.run(
                [sys.executable, "-c", at(stack, block)], env=stack.env, capture_output=True, text=True, check=False
            )
            assert done.stdout == "success hello\n", done.stdout + done.stderr


def test_the_commands_about_keys_do_what_is_shown(guarded: Stack) -> None:
    (shown,) = (block for language, block in BLOCKS if language == "console")
    commands = [line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ ")]
    script = at(guarded, "\n".join(commands)).replace(".qmcp/", f"{guarded.home}/")
    script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    env = {**guarded.env, "QMCP_URL": guarded.edge_url}
    done = subprocess.run(["sh", "-ec", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    key, told = done.stdout.splitlines()
    assert re.fullmatch(r"qmcp_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key)
    assert "This is the only time that the secret of" in done.stderr
    assert '"principal":"admin"' in told.replace(" ", "")


def test_every_link_leads_to_a_file() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
        assert targets
        assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_map_names_every_folder() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    folders = {name.split("/")[0] for name in listed.splitlines() if "/" in name and not name.startswith(".")}
    assert not [folder for folder in folders if f"[{folder}/]({folder}/)" not in TEXT]


def path() -> str:
    """Where programs are looked for: also where Go installs."""
    return f"{os.environ['PATH']}:{Path.home() / 'go' / 'bin'}"
