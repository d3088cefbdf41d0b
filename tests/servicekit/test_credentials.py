"""The form of a key, and what is no key."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit import credentials

TEXT, KEY = credentials.generate()
SECRET = TEXT[22:]


def test_a_key_has_its_form_and_thirty_two_random_bytes() -> None:
    assert f"qmcp_{KEY.id}_{SECRET}" == TEXT
    assert len(base64.urlsafe_b64decode(SECRET + "=")) == 32
    assert credentials.parse(TEXT) == KEY
    assert hashlib.sha256(SECRET.encode()).digest() == KEY.digest


def test_a_new_secret_leaves_the_id() -> None:
    text, key = credentials.with_new_secret(KEY.id)
    assert key.id == KEY.id
    assert key.digest != KEY.digest
    assert credentials.parse(text) == key


@pytest.mark.parametrize(
    "text",
    ["", "qmcp_", TEXT[:-1], f"{TEXT}x", f" {TEXT}", f"{TEXT} ", f"{TEXT}\n", TEXT.upper(), TEXT.replace("qmcp", "QMCP"),
     TEXT.replace("_", "-", 1), f"qmcp_{'g' * 16}_{SECRET}", f"qmcp_{KEY.id[:-1]}\u0661_{SECRET}", f"qmcp_{KEY.id}_{SECRET[:-1]}=",
     f"qmcp_{KEY.id}_{SECRET[:-1]}\u00e9", TEXT + TEXT, f"{TEXT},{TEXT}", f"Bearer {TEXT}"],
)  # fmt: skip
def test_what_is_nearly_a_key_is_none(text: str) -> None:
    assert credentials.parse(text) is None


@given(st.text())
def test_any_text_is_a_key_or_none(text: str) -> None:
    assert credentials.parse(text) is None
    assert isinstance(credentials.bearer(text), str)


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("BEARER abc", "abc"),
        ("Basic abc", ""),
        ("Bearer", ""),
        ("", ""),
        ("abc", ""),
    ],
)
def test_the_credential_of_a_bearer_is_what_follows_the_word(header: str, credential: str) -> None:
    assert credentials.bearer(header) == credential
