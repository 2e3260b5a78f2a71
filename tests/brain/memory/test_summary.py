"""When lines go into the summary, and what stays of them without a language model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from brain.memory.recall import tokens
from brain.memory.summary import extract, folded, outgrown, shortened, summary_budget, told, weight
from brain.memory.types import ConversationKey, Line, Recollection

AT = datetime(2026, 11, 26, tzinfo=UTC)
KEY = ConversationKey("default", "mila", "c")


def chat(*pairs: tuple[str, str]) -> Recollection:
    lines = [
        Line(role, text, AT, f"t{number}")
        for number, pair in enumerate(pairs)
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return Recollection(KEY, lines=tuple(lines), messages=len(lines))


LONG = chat(*[(f"message number {number} of mine", f"reply number {number} of hers") for number in range(40)])


def test_nothing_goes_while_all_is_within_the_budget() -> None:
    assert outgrown(chat(("hey", "hi")), 100) == ()


def test_the_oldest_turns_go_whole_until_there_is_room_again() -> None:
    gone = outgrown(LONG, 200)
    assert gone == LONG.lines[: len(gone)]
    assert {line.turn for line in gone}.isdisjoint(line.turn for line in LONG.lines[len(gone) :])
    assert 0 < weight(LONG.lines[len(gone) :]) <= 100


def test_the_last_turns_stay_however_long_they_are() -> None:
    known = chat(("short", "one"), ("word " * 5000, "ok"), ("word " * 5000, "ok"))
    assert outgrown(known, 100) == known.lines[:2]
    assert outgrown(replace(known, lines=known.lines[2:]), 100) == ()


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=30), st.integers(100, 400))
def test_what_goes_is_a_beginning_and_the_rest_fits_or_is_the_last_turns(
    sizes: list[tuple[int, int]], budget: int
) -> None:
    known = chat(*(("a " * fan, "b " * reply) for fan, reply in sizes))
    left = known.lines[len(outgrown(known, budget)) :]
    assert known.lines[: len(known.lines) - len(left)] == outgrown(known, budget)
    assert weight(left) <= budget or len({line.turn for line in left}) <= 2


def test_folding_keeps_the_count_and_every_other_line() -> None:
    gone = outgrown(LONG, 200)
    known = folded(LONG, gone, "they talked")
    assert (known.summary, known.messages, known.lines) == ("they talked", 80, LONG.lines[len(gone) :])


def test_lines_that_have_changed_meanwhile_are_not_folded() -> None:
    gone = outgrown(LONG, 200)
    changed = replace(LONG, lines=(replace(LONG.lines[0], text="edited"), *LONG.lines[1:]))
    assert folded(changed, gone, "they talked") is changed
    assert folded(LONG, (), "they talked") is LONG


def test_an_extract_keeps_what_tells_most_in_its_order_and_within_its_budget() -> None:
    known = chat(
        ("hey", "hey you"), ("lol", "haha"), ("my brother crashed his motorbike into our garage", "oh no, is he ok?"),
        ("ok", "good"), ("haha", "lol"), ("i promised grandma to repaint the shed by easter", "that's sweet"),
    )  # fmt: skip
    text = extract("", known.lines, 45)
    assert text.index("motorbike") < text.index("grandma")
    assert "lol" not in text
    assert tokens(text) <= 45


def test_an_extract_of_an_extract_keeps_what_told_most() -> None:
    summary = extract("", chat(("my brother crashed his motorbike into our garage", "oh no")).lines, 60)
    for _ in range(5):
        summary = extract(summary, chat(("ok", "yes"), ("lol", "haha")).lines, 40)
    assert "motorbike" in summary


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), max_size=8), st.text(max_size=200))
def test_an_extract_never_outgrows_its_budget(pairs: list[tuple[str, str]], summary: str) -> None:
    assert tokens(extract(summary, chat(*pairs).lines, 50)) <= 50


def test_a_summary_that_is_too_long_ends_with_a_sentence() -> None:
    assert shortened("One two three four. Five six seven. Eight nine ten.", 12) == "One two three four. Five six seven."
    assert shortened(" short ", 100) == "short"


def test_a_summary_has_its_share_of_the_budget() -> None:
    assert (summary_budget(1500), summary_budget(100)) == (375, 60)


def test_a_line_is_told_with_its_speaker() -> None:
    assert told(Line("user", "hey\n you", AT, "t")) == "fan: hey you"
