"""What people read on a page is what is there: nothing hides in it, turns it round, or passes for another letter."""

import pytest

from services.hitl.links.pages.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("pay \u202e00001\u202c coins", "pay ⟨U+202E⟩00001⟨U+202C⟩ coins"),
        ("\u2066a\u2069\u200e\u200f\u061c", "⟨U+2066⟩a⟨U+2069⟩⟨U+200E⟩⟨U+200F⟩⟨U+061C⟩"),
        ("app\u200brove\ufeff\u00ad\u2060", "app⟨U+200B⟩rove⟨U+FEFF⟩⟨U+00AD⟩⟨U+2060⟩"),
        ("app\u200drove", "app⟨U+200D⟩rove"),
        ("a\ufe0fb\U000e0101", "a⟨U+FE0F⟩b⟨U+E0101⟩"),
        ("hidden \U000e0041\U000e0042", "hidden ⟨U+E0041⟩⟨U+E0042⟩"),
        ("blank \u3164\u115f\u2800", "blank ⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩"),
        ("\x1b[2J\r\x07\x85\u2028\u2029", "⟨U+001B⟩[2J⟨U+000D⟩⟨U+0007⟩⟨U+0085⟩⟨U+2028⟩⟨U+2029⟩"),
        ("p\u0430yp\u0430l", "p\u0430⟨U+0430⟩yp\u0430⟨U+0430⟩l"),
        ("g\u03bf\u03bfgle", "g\u03bf⟨U+03BF⟩\u03bf⟨U+03BF⟩gle"),
        ("\uff41pprove \U0001d41aa", "\uff41⟨U+FF41⟩pprove \U0001d41a⟨U+1D41A⟩a"),
    ],
)
def test_what_nobody_sees_is_shown_by_its_number(text: str, seen: str) -> None:
    assert visible(text) == seen


@pytest.mark.parametrize(
    "text",
    ["plain\n\twords", "Grüße, café, ñandú", "Привет, мир", "καλημέρα", "שלום", "سلام", "日本語 and English", "कार्\u200dय", "می\u200cکنم",
     "👩\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f⃣", "a b\u00a0c", "x ≤ 5 µm", "Ω and A"],
)  # fmt: skip
def test_writing_of_any_language_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
