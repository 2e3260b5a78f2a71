"""The gate as a listener: word by word it says what the gate says of the sentence so far."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.clean import clean
from guards.detectors.classifier import load
from guards.detectors.listener import GateListener, Looks
from guards.errors import DetectorError
from guards.sentences import LONGEST

MODEL = load()
GATE = MODEL.gate
LEAST = MODEL.alone.for_bounds(dict.fromkeys(MODEL.transformer.labels, 0.5))
ROWS = Path(__file__).parents[3] / "training_data" / "moderation.jsonl"
TEXTS = [row["text"] for row in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines()[::97])]
SENTENCES = [text for text in TEXTS if not re.search(r"[.!?…。！？\n]", text) and len(text) < 200]


def listening(*, always: bool = False) -> GateListener:
    return GateListener(
        GATE, LEAST.gate, Looks(lambda text: "gargoyle" in text, is_plain, is_dull, says_something), is_wary=always
    )


def is_plain(text: str) -> bool:
    return all(score < least for score, least in zip(MODEL.glance.scores(text), LEAST.glance, strict=True))


def is_dull(text: str) -> bool:
    return MODEL.transformer.is_dull(text, LEAST.interest)


def says_something(text: str) -> bool:
    return not is_plain(text) and not is_dull(text)


def is_open(text: str) -> bool:
    return GATE.score(text) >= LEAST.gate


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SENTENCES))
def test_at_every_word_it_is_open_where_the_gate_is_open_to_the_sentence_so_far(sentence: str) -> None:
    listener, said = listening(), ""
    for piece in re.findall(r"\S+\s*", sentence):
        listener.take(piece)
        said += piece
        assert listener.is_open == is_open(clean(said).text.rstrip())


def test_what_opened_it_stays_open_until_it_has_been_judged() -> None:
    opening = next(text for text in SENTENCES if is_open(text) and is_plain(text) and is_plain(f"{text}."))
    listener = listening()
    for piece in re.findall(r"\S+\s*", f"{opening}. And so on "):
        listener.take(piece)
    assert listener.is_open
    listener.end_sentence()
    assert not listener.is_open


def test_a_sentence_that_will_not_end_is_open() -> None:
    listener = listening()
    for _ in range(60):
        listener.take("rain ")
    assert listener.is_open


def test_one_that_is_wary_never_closes() -> None:
    listener = listening(always=True)
    assert listener.is_open
    listener.end_sentence()
    assert listener.is_open


def test_a_closer_look_tells_small_talk_from_what_a_rule_is_about() -> None:
    listener = listening()
    listener.take("pasta ")
    listener.take("again ")
    assert listener.means_nothing(closely=True)
    for word in ["add", "me", "on", "snapchat", "tonight"]:
        listener.take(f"{word} ")
    assert not listener.means_nothing(closely=False)
    assert not listener.means_nothing(closely=True)


def test_behind_a_sentence_that_said_something_nothing_is_harmless_for_a_while() -> None:
    listener = listening()
    for word in ["could", "you", "come", "over", "to", "my", "place", "tonight?"]:
        listener.take(f"{word} ")
    listener.end_sentence()
    listener.take("pasta ")
    assert listener.is_open
    assert not listener.means_nothing(closely=True)
    for _ in range(LONGEST // len("so much pasta. ") + 1):
        for word in ["so", "much", "pasta."]:
            listener.take(f"{word} ")
        listener.end_sentence()
    listener.take("pasta ")
    assert listener.means_nothing(closely=True)


@pytest.mark.parametrize("end", ["?", "‼️", "?\u200b", "．", "…"])
def test_a_sentence_ends_where_it_reads_as_ending(end: str) -> None:
    over: list[str] = []
    listener = GateListener(
        GATE, LEAST.gate, Looks(lambda _: False, is_plain, is_dull, lambda text: bool(over.append(text))), is_wary=False
    )
    for word in ["see", "you", f"there{end}", "so", "much", "pasta"]:
        listener.take(f"{word} ")
    assert over == [f"see you there{end}"]


def test_a_sentence_with_a_word_that_a_rule_names_is_open() -> None:
    listener = listening()
    listener.take("the ")
    assert not listener.is_open
    listener.take("gargoyle ")
    assert listener.is_open


def test_a_look_that_cannot_be_taken_finds_no_sentence_harmless() -> None:
    def broken(_: str) -> bool:
        raise DetectorError("classifier", "RuntimeError")

    listener = GateListener(GATE, 0.0, Looks(lambda _: False, broken, broken, broken), is_wary=False)
    assert not listener.means_nothing(closely=False)
    assert not listener.means_nothing(closely=True)
