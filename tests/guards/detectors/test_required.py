"""What a pattern is said to need stands in every text that it matches."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.demands import ODD, PLAIN_SIGNS, Demands, tokens_of
from guards.detectors.required import demands_of
from proxy.rule_files import load

POLICY = load(Path(__file__).parents[3] / "rules", gate=False).policy
PATTERNS = [entry.pattern for rule in POLICY.rules for entry in rule.find if hasattr(entry, "pattern")]
READABLE = [pattern for pattern in PATTERNS if pattern.isascii()]


def met(demands: Demands, text: str) -> bool:
    tokens = [f"<{token}>" for token in tokens_of(text.lower())]
    is_plain = all(char.isalpha() or char in PLAIN_SIGNS for char in text)
    return all(
        (ODD in demand and not is_plain) or any(piece in token for piece in demand for token in tokens)
        for demand in demands
    )


@pytest.mark.parametrize(
    ("expression", "text", "other"),
    [
        (r"\badd me\b", "then ADD me, please", "she said: me too, in addition"),
        (r"insta\w*", "my Instagrams", "in stages"),
        (r"\b(?:swing|come) by\b", "come by", "come to me"),
        (r"call(?: me)? maybe", "call maybe", "call me"),
        (r"(?:my|your) (?:number|digits)", "your digits", "my numb hands"),
        (r"\d{3}", "555", "five"),
        (r"@\w+", "@mila", "mila"),
        (r"foo+ba?r", "foobr", "fo bar"),
        (r"\b(?:num|nom)(?:b|ber)?s?\s", "two nombs ", "nothing moves by itself"),
        (r"\b(?:n[uo]m|nr) is", "her NR is", "number 3 is"),
        (r"\b(?:ich )?(?:hol|hole) (?:dich|\w+)", "hole dich", "the whole"),
        (r"\d (?:yrs?|years?|y/o)", "9 years", "9 hears"),
    ],
)
def test_a_match_meets_one_of_the_ways_and_words_like_it_meet_none(expression: str, text: str, other: str) -> None:
    ways = demands_of(expression)
    assert re2.search(f"(?i){expression}", text)
    assert any(met(way, text) for way in ways)
    assert not any(met(way, other) for way in ways if way) or re2.search(f"(?i){expression}", other) is None


@pytest.mark.parametrize("expression", [r"[[:alpha:]]{3} me", r"\pL+", r"a{,3}", r"\w+", r"(?:add|\w+)", r".*"])
def test_what_cannot_be_told_asks_for_nothing(expression: str) -> None:
    assert () in demands_of(expression)


def test_every_shipped_pattern_asks_for_something() -> None:
    assert [pattern for pattern in PATTERNS if () in demands_of(pattern)] == []


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_shipped_pattern_matches_a_text_that_does_not_meet_it(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(READABLE))
    text = data.draw(st.from_regex(re.compile(pattern, re.IGNORECASE | re.ASCII)))
    options = re2.Options()
    options.case_sensitive = False
    match = re2.compile(pattern, options).search(text)
    if match and text.isascii():
        assert any(met(way, match[0]) for way in demands_of(pattern))
