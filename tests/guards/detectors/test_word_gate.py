"""The gate never closes on a text in which a token pattern matches, and it does close on most others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.matcher import Matcher

from guards.detectors.word_gate import WordGate
from proxy.rule_files import load

NLP = spacy.blank("en")
POLICY = load(Path(__file__).parents[3] / "rules", gate=False).policy
SHIPPED: list[list[dict[str, Any]]] = [
    pattern for rule in POLICY.rules for entry in rule.find if hasattr(entry, "phrase") for pattern in entry.phrase
]
TEXTS = [example.text for rule in POLICY.rules for example in rule.examples]
WORDS = sorted({word for text in TEXTS for word in text.split()})


def gate_of(*patterns: list[dict[str, Any]]) -> WordGate:
    gate = WordGate(NLP.tokenizer)
    for pattern in patterns:
        gate.add(pattern)
    return gate


GATES = [(pattern, gate_of(pattern)) for pattern in SHIPPED]


def assert_sound(text: str) -> None:
    doc = NLP.make_doc(text)
    for pattern, gate in GATES:
        if gate.is_open(text):
            continue
        matcher = Matcher(NLP.vocab)
        matcher.add("p", [pattern])
        assert not matcher(doc), f"closed on {text!r} for {pattern}"


@pytest.mark.parametrize("text", TEXTS)
def test_no_match_in_an_example_is_lost(text: str) -> None:
    assert_sound(text)


@given(st.lists(st.sampled_from([*WORDS, ",", "gonna", "can't", "id", "5km", "a/b", "(x)", "…"]), max_size=12))
def test_no_match_in_any_mixture_of_their_words_is_lost(words: list[str]) -> None:
    assert_sound(" ".join(words))


@pytest.mark.parametrize("text", ["gonna go", "cannot go", "Gonna go!", "(gonna) go", "i'm gonna, like, go"])
def test_words_that_the_tokenizer_cuts_out_of_words_are_there(text: str) -> None:
    first = "can" if "cannot" in text else "gon"
    assert gate_of([{"LOWER": first}, {"LOWER": "go", "OP": "?"}]).is_open(text)


def test_every_mandatory_word_has_to_be_there() -> None:
    gate = gate_of([{"LOWER": {"IN": ["swing", "come"]}}, {"LOWER": "right", "OP": "?"}, {"LOWER": "over"}])
    assert gate.is_open("COME over")
    assert not gate.is_open("come in")
    assert not gate.is_open("overcome, swinging")


def test_a_pattern_that_names_no_word_opens_every_text() -> None:
    assert gate_of([{"IS_DIGIT": True}]).is_open("whatever")


def test_a_gate_without_patterns_stays_closed() -> None:
    assert not gate_of().is_open("come over")


def test_a_token_that_may_be_a_sign_asks_for_no_word() -> None:
    gate = gate_of([{"LOWER": "call"}, {"LOWER": {"IN": ["?", "now"]}}])
    assert gate.is_open("call ?")
    assert gate.is_open("call now")
    assert not gate.is_open("now ?")


def test_the_words_of_a_pattern_must_stand_in_its_order_and_near_each_other() -> None:
    gate = gate_of([{"LOWER": "call"}, {"LOWER": "me"}])
    assert gate.is_open("so call me maybe")
    assert not gate.is_open("me, I call that luck")
    assert not gate.is_open("I call that luck and nothing else, believe me")
    assert gate_of([{"LOWER": "call"}, {"OP": "*"}, {"LOWER": "me"}]).is_open("I call that luck, believe you me")
