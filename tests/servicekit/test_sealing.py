"""What is sealed is opened for its own row alone, by the key that sealed it, also once that is an old one."""

import base64
from pathlib import Path

import pytest

from servicekit.sealing import HEAD_BYTES, SealBrokenError, Sealer

VARIABLE = "QMCP_X_SECRETS_KEY_FILE"
NEW, OLD = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 255))


def test_a_secret_is_opened_for_its_row_alone_and_as_it_was_sealed(tmp_path: Path) -> None:
    sealer = Sealer.load(tmp_path / "key", VARIABLE)
    sealed = sealer.seal("s3cret", "table/1")
    assert sealed != sealer.seal("s3cret", "table/1")
    assert b"s3cret" not in sealed
    assert Sealer.load(tmp_path / "key", VARIABLE).open(sealed, "table/1") == "s3cret"
    spoiled = [sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :] for place in range(len(sealed))]
    for text, row in [(sealed, "table/2"), (sealed[:-1], "table/1"), (b"", "table/1")] + [
        (each, "table/1") for each in spoiled
    ]:
        with pytest.raises(SealBrokenError):
            sealer.open(text, row)


def test_an_old_key_opens_and_the_new_one_seals(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OLD)
    before = Sealer.load(file, VARIABLE).seal("s3cret", "row")
    file.write_text(f"{NEW}\n\n{OLD}\n")
    both = Sealer.load(file, VARIABLE)
    assert both.open(before, "row") == "s3cret"
    after = both.renewed(before, "row")
    assert after is not None
    assert after[:HEAD_BYTES] != before[:HEAD_BYTES]
    assert both.renewed(after, "row") is None
    file.write_text(NEW)
    assert Sealer.load(file, VARIABLE).open(after, "row") == "s3cret"
    with pytest.raises(SealBrokenError):
        Sealer.load(file, VARIABLE).renewed(before, "row")


@pytest.mark.parametrize("text", ["", "\n", "c2hvcnQ=", "not a key but a secret", "é" * 44])
def test_what_is_no_key_ends_the_start_without_showing_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(SystemExit, match=VARIABLE) as ended:
        Sealer.load(tmp_path / "key", VARIABLE)
    assert not text.strip() or text not in str(ended.value)


def test_a_file_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for file in (tmp_path, tmp_path / "binary"):
        with pytest.raises(SystemExit, match="can be neither read nor made"):
            Sealer.load(file, VARIABLE)
