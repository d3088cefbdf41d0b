"""Known secrets are taken out of text in every form that something may have given them, and other text is left alone."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from servicekit.masking import MASKED, Mask, masked_url

SECRETS = ["hunter2-Correct.Horse", 'p&ss/w+rd="<1>\u00fc\\', "1234567890", "dXNlcjpodW50ZXIyLXBhc3M="]
ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": lambda text: quote(text, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in a URL with small letters": lambda text: "".join(
        part if not part.startswith("%") else part.lower() for part in (quote(c, safe="") for c in text)
    ),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON with all letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in HTML": html.escape,
    "in hexadecimal": lambda text: text.encode().hex(),
    "in capital hexadecimal": lambda text: text.encode().hex().upper(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "as the password of somebody": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "as the password of another": lambda text: base64.b64encode(f"admin:{text}".encode()).decode(),
    "as the password of a third": lambda text: base64.b64encode(f"a.user:{text}".encode()).decode(),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_a_secret_is_masked_in_every_form(encoding: Callable[[str], str], secret: str) -> None:
    mask, shown = Mask(["another-secret", secret]), encoding(secret)
    said = mask.text(f"You sent {shown}; and again {shown}.")
    assert MASKED in said
    # Who it is the password of may be read, and of base64 a few letters that stand for its neighbours as well.
    pieces = {shown[at : at + 8] for at in range(len(shown) - 7)}
    assert not [piece for piece in pieces if piece in said and piece[:-1] not in encoding("")]
    document = {"headers": {"authorization": f"Bearer {shown}", shown: [1, None, {"x": shown}]}}
    written = json.dumps(document, ensure_ascii=False)
    assert mask.is_in(written)
    assert shown not in json.dumps(mask.json_value(document), ensure_ascii=False)


def test_of_basic_authentication_the_password_within_is_masked_too() -> None:
    mask = Mask([base64.b64encode(b"anna:correct-horse").decode()])
    assert mask.text("anna:correct-horse correct-horse anna") == f"{MASKED} {MASKED} anna"
    assert "correct" not in mask.text(quote("correct-horse")) + mask.text("636f72726563742d686f727365")


def test_a_secret_that_is_a_number_is_masked_where_it_is_one() -> None:
    assert Mask(["12345678"]).json_value({"pin": 12345678, "other": 1234567, "yes": True}) == {
        "pin": MASKED,
        "other": 1234567,
        "yes": True,
    }


def test_other_text_is_left_as_it_is() -> None:
    mask = Mask(["", "a", "abc", "tea-pot"])
    document = {"a": "abc", "b": ["tea", "pot", 1.5, None, True], "c": "dGVh"}
    assert mask.json_value(document) == document
    assert not mask.is_in(json.dumps(document))
    assert mask.text("an abc of tea") == "an abc of tea"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:8443/hooks/T0/B0", "https://example.com:8443/[masked]"),
        ("http://anna:word@example.com/", "http://example.com"),
        ("http://example.com/?token=x", "http://example.com/[masked]"),
        ("http://example.com/#x", "http://example.com/[masked]"),
        ("http://example.com:999999/x", MASKED),
        ("http://[::1]:80/x", "http://[::1]/[masked]"),
        ("https://example.com/cities/{city}", "https://example.com/[masked]"),
    ],
)
def test_of_a_url_the_server_may_be_known(url: str, shown: str) -> None:
    assert masked_url(url) == shown
