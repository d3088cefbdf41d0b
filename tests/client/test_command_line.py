"""The `qmcp` command where no system is needed, or none is there."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from qmcp.client.cli import output, reading

from tests.client.command import ROOT, qmcp, qmcp_process
from tests.client.exports import PEM, Ended, encode, export
from tests.version import VERSION


@pytest.fixture
def nowhere() -> Iterator[dict[str, str]]:
    """The address of a port that is taken and answers nobody."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield {"QMCP_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder with a `devstack` that only writes down how it was called."""
    (tmp_path / "devstack").mkdir()
    (tmp_path / "devstack" / "__init__.py").touch()
    (tmp_path / "devstack" / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.environ.get('QMCP_PORT'))\n"
    )
    return tmp_path


def test_a_terminal_does_not_obey_and_hides_nothing_of_what_strangers_wrote(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "Pay\x1b[2J\x9b1m \u202e00001\u202c to\u200b \u00fcber\u00a0\u65e5\u672c?\r\x07\x7f"
    seen = (
        "Pay⟨U+001B⟩[2J⟨U+009B⟩1m ⟨U+202E⟩00001⟨U+202C⟩ to⟨U+200B⟩ \u00fcber\u00a0\u65e5\u672c?⟨U+000D⟩⟨U+0007⟩⟨U+007F⟩"
    )
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    output.fields([("prompt", bad), ("context", {"x": bad})])
    output.table(["prompt"], [[bad]])
    output.note(bad)
    output.document(bad)
    said = capsys.readouterr()
    shown = re.sub("\x1b\\[[0-9;]*m", "", said.out + said.err)
    assert shown.count(seen) == 4
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u202c]", shown)


def test_the_version_is_printed() -> None:
    assert qmcp_process("--version").out == f"qmcp {VERSION}\n"


def test_help_names_every_exit_code() -> None:
    text = re.sub(r"\s+", " ", qmcp("--help").out)
    assert all(f" {code} " in text for code in range(6))
    assert "5 QMCP cannot be reached" in text


def test_a_system_that_cannot_be_reached_is_code_5_and_says_what_to_do(nowhere: dict[str, str]) -> None:
    ended = qmcp_process("tools", "list", env=nowhere)
    assert ended.code == 5
    assert "qmcp serve" in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["tools", "invoke", "echo", "message"], "key=text"),
        (["tools", "invoke", "echo", "n:=oops"], "no JSON"),
        (["tools", "invoke", "echo", "{oops"], "JSON"),
        (["tools", "register", "/does/not/exist"], "/does/not/exist"),
        (["invocations", "list", "--since", "yesterday"], "24h"),
        (["--url", "ftp://x", "tools", "list"], "HOST:PORT"),
        (["receipts", "verify", "--file", "x"], "--public-key"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_is_code_2_and_one_sentence(words: list[str], named: str) -> None:
    ended = qmcp(*words)
    assert ended.code == 2
    assert named in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.promise("Q33")
def test_info_shows_the_version_and_that_nobody_answers(nowhere: dict[str, str]) -> None:
    ended = qmcp("info", "--json", env=nowhere)
    assert ended.code == 0
    assert ended.json["version"] == VERSION
    assert ended.json["url"] == nowhere["QMCP_URL"]
    assert ended.json["status"] == "unreachable"


@pytest.mark.promise("Q33")
def test_info_shows_what_serve_would_go_by_and_what_of_it_cannot_work(nowhere: dict[str, str]) -> None:
    own = {**nowhere, "QMCP_PORT": "4444", "QMCP_DEBUG": "true", "QMCP_DATABASE_URL": "postgresql://me:secret@db/x"}
    told = qmcp("info", "--json", env=own).json
    assert (told["host"], told["port"], told["debug"], told["log_level"]) == ("127.0.0.1", 4444, True, "DEBUG")
    assert "db" in told["database"]
    assert "secret" not in told["database"]
    assert "embedded" in qmcp("info", "--json", env=nowhere).json["database"]
    for name, value in (("QMCP_DATABASE_URL", "sqlite:///qmcp.db"), ("QMCP_PORT", "99999"), ("QMCP_LOG_LEVEL", "LOUD")):
        ended = qmcp("info", "--json", env={**nowhere, name: value})
        assert (ended.code, name in ended.json["settings"]) == (0, True)


def test_a_command_that_finds_nobody_tells_how_to_start(nowhere: dict[str, str]) -> None:
    ended = qmcp("tools", "list", env=nowhere)
    assert ended.code == 5
    assert "`qmcp serve`" in ended.err


@pytest.mark.promise("Q03", "Q33")
def test_serve_hands_host_port_and_reload_to_the_stack(recorded: Path) -> None:
    env = {"PYTHONPATH": os.pathsep.join([str(recorded), str(ROOT / "gen"), str(ROOT / "client")])}
    ended = qmcp_process("serve", "-h", "0.0.0.0", "-p", "4444", "--reload", env=env, cwd=recorded)
    assert ended.out.startswith("['serve', '--host', '0.0.0.0', '--port', '4444', '--reload']")
    ended = qmcp_process("serve", env={**env, "QMCP_PORT": "5555"}, cwd=recorded)
    assert ended.out == "['serve'] 5555\n"


@pytest.mark.promise("Q33")
def test_test_runs_the_tests_of_the_tree_and_tells_failure_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text("def test_good():\n    pass\n")
    (tmp_path / ".coverage").touch()
    # What pytest brings along here it would import for each of them.
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    good = qmcp_process("test", "-v", "--clean", env=env, cwd=tmp_path)
    assert good.code == 0, good.err
    assert "test_good PASSED" in good.out
    assert not (tmp_path / ".coverage").exists()
    bad = tmp_path / "tests" / "test_two.py"
    bad.write_text("def test_bad():\n    assert False\n")
    assert qmcp_process("test", "tests/test_two.py", env=env, cwd=tmp_path).code == 1
    assert qmcp_process("test", "tests/test_one.py", env=env, cwd=tmp_path).code == 0


def test_an_export_is_verified_offline_and_a_fault_is_code_1(tmp_path: Path) -> None:
    lines = encode(export([Ended(), Ended(sign_after=True)]))
    file, key = tmp_path / "export.jsonl", tmp_path / "key.pem"
    key.write_text(PEM)
    file.write_bytes(b"\n".join(lines) + b"\n")
    sound = qmcp("receipts", "verify", "--file", str(file), "--public-key", str(key))
    assert sound.code == 0, sound.err
    assert "Everything holds" in sound.out
    file.write_bytes(b"\n".join(lines).replace(b'"result":"hi"', b'"result":"ho"', 1) + b"\n")
    broken = qmcp("receipts", "verify", "--file", str(file), "--public-key", str(key), "--json")
    assert broken.code == 1
    [fault] = broken.json["faults"]
    assert (fault["kind"], fault["invocation_id"]) == ("CONTENT_CHANGED", "00000000-0000-7000-8000-000000000000")


def test_shells_can_complete_it() -> None:
    env = {**os.environ, "_QMCP_COMPLETE": "complete_bash", "COMP_WORDS": "qmcp re", "COMP_CWORD": "1"}
    script = "import sys; sys.argv = ['qmcp']; from qmcp.client.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert "receipts" in ended.stdout.split()


def test_arguments_are_texts_unless_they_are_said_to_be_json() -> None:
    assert reading.arguments(["a=1", "b:=1", "c:={}", "d=x=y", "e=", "u=http://x"]) == {
        "a": "1",
        "b": 1,
        "c": {},
        "d": "x=y",
        "e": "",
        "u": "http://x",
    }
    assert reading.arguments(['{"a": [1]}']) == {"a": [1]}
    assert reading.arguments([]) == {}
