"""The form of a key, and what is no key."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.identity import credentials

# Not made anew: the names of the tests have it, and both processes that run them must know them by the same.
TEXT = f"qmcp_{'0123456789abcdef'}_{'Ab-9_' * 8}xyz"
KEY = credentials.ApiKey("0123456789abcdef", hashlib.sha256(TEXT[22:].encode()).digest())
SECRET = TEXT[22:]


def test_a_key_has_its_form_and_thirty_two_random_bytes() -> None:
    text, key = credentials.generate()
    secret = text[22:]
    assert f"qmcp_{key.id}_{secret}" == text
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert credentials.parse(text) == key
    assert hashlib.sha256(secret.encode()).digest() == key.digest
    assert credentials.parse(TEXT) == KEY


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
