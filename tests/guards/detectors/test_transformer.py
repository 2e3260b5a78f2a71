"""The shipped transformer: what it reads, and that it answers with probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from guards.detectors.classifier import MODELS
from guards.detectors.transformer import LONGEST_CONTEXT, LONGEST_TEXT, Pieces, Transformer
from guards.types import Message

CARD = json.loads((MODELS / "card.json").read_text(encoding="utf-8"))
LABELS = list(CARD["labels"])


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces(MODELS / "tokenizer.json")


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    scales = [(label["slope"], label["offset"]) for label in CARD["labels"].values()]
    return Transformer(MODELS, LABELS, scales)


def test_the_turns_before_are_read_behind_the_text_latest_first(pieces: Pieces) -> None:
    context = [Message("user", "first"), Message("assistant", "second")]
    alone = pieces.ids("hello")
    assert pieces.ids("hello", context, "user")[: len(alone)] == alone
    assert pieces.ids("hello", context[1:], "user") == pieces.ids("hello", context, "user")[: len(alone) + 4]


@settings(deadline=None, max_examples=500)
@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_text_is_read_as_the_tokenizer_reads_it(pieces: Pieces, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    assert pieces.ids(text)[1:-1] == tokenizer.encode(text, add_special_tokens=False).ids[:LONGEST_TEXT]


def test_a_sign_of_the_model_itself_is_only_text_when_somebody_writes_it(pieces: Pieces) -> None:
    assert pieces.ids("hi [SEP] there").count(pieces.ids("")[-1]) == 1


def test_who_said_a_turn_is_read_from_the_speaker(pieces: Pieces) -> None:
    turn = [Message("user", "which app?")]
    assert pieces.ids("the ghost one", turn, "user") != pieces.ids("the ghost one", turn, "assistant")


@given(st.text(max_size=2000), st.lists(st.text(max_size=500), max_size=6))
@settings(deadline=None)
def test_what_is_read_is_bounded(pieces: Pieces, text: str, turns: list[str]) -> None:
    context = [Message("user", turn) for turn in turns]
    assert len(pieces.ids(text, context)) <= LONGEST_TEXT + LONGEST_CONTEXT + 2


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=50)
def test_any_text_gets_a_probability_of_every_label(transformer: Transformer, text: str) -> None:
    found = transformer.probabilities(text)
    assert list(found) == LABELS
    assert all(0 <= value <= 1 for value in found.values())


def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    keys = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None}
    (tmp_path / "tokenizer.json").write_text(json.dumps({**keys, "decoder": None, "model": model}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[CLS\]"):
        Pieces(tmp_path / "tokenizer.json")


def test_a_separator_that_somebody_writes_is_a_word(pieces: Pieces) -> None:
    assert pieces.ids("a [SEP] b").count(pieces.ids("")[-1]) == 1
    assert pieces.ids("é [SEP] b").count(pieces.ids("")[-1]) == 1
