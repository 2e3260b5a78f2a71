from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.encoded import decoded
from guards.views import View

QUICK = settings(deadline=None, max_examples=200)
SECRET = "add me on instagram"


def read(text: str) -> str | None:
    view = decoded(View("clean", text))
    return view and view.text


@pytest.mark.parametrize(
    "code",
    [
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
        SECRET.encode().hex(" "),
        " ".join(f"0x{byte:02x}" for byte in SECRET.encode()),
        " ".join(f"{byte:08b}" for byte in SECRET.encode()),
        " ".join(str(byte) for byte in SECRET.encode()),
    ],
)
def test_what_is_encoded_is_read_at_its_place(code: str) -> None:
    text = f"guess: {code} ok"
    view = decoded(View("clean", text))
    assert view is not None
    assert view.text == f"guess: {SECRET} ok"
    at = view.text.index("instagram")
    assert view.span(at, at + 9) == (7, 7 + len(code))


@pytest.mark.parametrize(
    ("code", "reads"),
    [("-.- .. -.-", "kik"), ("... -. .- .--.", "snap"), (".- -.. -.. / -- . / --- -. / .. --.", "add me on ig")],
)
def test_morse_code_is_read(code: str, reads: str) -> None:
    assert read(f"in morse: {code} ?") == f"in morse: {reads} ?"


@pytest.mark.parametrize(
    "text", ["well ... so ... yes", "- - - - -", "-- yes -- no -- yes", "hm . . . .", "a - b - c - d"]
)
def test_rows_of_dots_and_dashes_are_no_morse_code(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "text",
    ["somewhere beautiful tonight", "WHATEVER Something iPhone12", "order 4155550134", "2024-05-05 12:30", "a1b2c3d4",
     "https://example.com/aW5zdGFncmFt", "12 34 56 78", "deadbeef", "my password is Tr0ub4dor", "10 11 12 13 14 15",
     "mila@example.com", "+44 7911 123456"],
)  # fmt: skip
def test_words_numbers_and_links_stay_what_they_are(text: str) -> None:
    assert read(text) is None


@QUICK
@given(st.text(max_size=30), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=6, max_size=30))
def test_every_place_leads_back_into_the_text_in_order(before: str, secret: str) -> None:
    text = f"{before} {base64.b64encode(secret.encode()).decode()} {before}"
    view = decoded(View("clean", text))
    if view is not None:
        spans = [view.span(at, at + 1) for at in range(len(view.text))]
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)


@pytest.mark.parametrize("piece", ["aB", "01 ", "69 ", "\\x", "0x6", "aW5zdGE= ", "a=", "1", "105 "])
def test_long_monotonous_text_is_read_to_the_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    view = decoded(View("clean", text))
    assert view is None or view.span(0, len(view.text)) == (0, len(text))
