"""Secrets at rest: keys that rotate, files that only their owner reads, and a word where a file is none."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from servicekit.webhooks.sealing import SealBrokenError, Sealing, new_secret, own_secret

KEYS, SECRET = "QMCP_X_SECRETS_KEY_FILE", "QMCP_X_SECRET_FILE"


def test_a_missing_key_file_is_made_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "new" / "key"
    sealed = Sealing.load(file, KEYS).seal("whsec_x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Sealing.load(file, KEYS).open(sealed) == "whsec_x"
    assert [each.name for each in file.parent.iterdir()] == ["key"]


def test_of_processes_that_start_at_once_all_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: own_secret(tmp_path / "secret", SECRET), range(16)))
        sealings = list(threads.map(lambda _: Sealing.load(tmp_path / "key", KEYS), range(16)))
    assert len(set(found)) == 1
    assert {sealing.open(sealings[0].seal("x")) for sealing in sealings} == {"x"}


def test_an_old_line_still_opens_and_the_first_one_seals(tmp_path: Path) -> None:
    old, new, foreign = (Fernet.generate_key().decode() for _ in range(3))
    file = tmp_path / "key"
    file.write_text(old)
    sealed = Sealing.load(file, KEYS).seal("whsec_x")
    file.write_text(f"{new}\n\n{old}\n")
    both = Sealing.load(file, KEYS)
    assert both.open(sealed) == "whsec_x"
    renewed = both.renewed(sealed)
    assert renewed is not None
    assert both.renewed(renewed) is None
    file.write_text(new)
    assert Sealing.load(file, KEYS).open(renewed) == "whsec_x"
    file.write_text(foreign)
    with pytest.raises(SealBrokenError):
        Sealing.load(file, KEYS).open(renewed)
    with pytest.raises(SealBrokenError):
        Sealing.load(file, KEYS).renewed(renewed)


@pytest.mark.parametrize("text", ["", "\n\n", "not-a-key-but-secret", "c2hvcnQ=", "é" * 44])
def test_what_is_no_key_ends_the_start_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(SystemExit) as refused:
        Sealing.load(file, KEYS)
    assert KEYS in str(refused.value)
    assert not text.strip() or text not in str(refused.value)


def test_a_file_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    for load in (Sealing.load, own_secret):
        for file in (tmp_path, tmp_path / "binary", tmp_path / "binary" / "below"):
            with pytest.raises(SystemExit, match="can be neither read nor made"):
                load(file, SECRET)


@pytest.mark.parametrize(
    "text", ["whsec_", "whsec_c2hvcnQ=", "whsec_!!!", "in clear", base64.b64encode(b"x" * 32).decode()]
)
def test_a_own_secret_must_be_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(SystemExit) as refused:
        own_secret(file, SECRET)
    assert text == "whsec_" or text not in str(refused.value)
    file.write_text(new_secret() + "\n")
    assert own_secret(file, SECRET) == file.read_text().strip()
