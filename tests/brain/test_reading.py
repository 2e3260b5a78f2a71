"""The shipped model reads messages it was not taught with the way a person would, and bears any input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.reading import EMOTIONS, INTENTS, MODELS, WEIGHTS_FILE, ReadingModel, load
from brain.reading_rows import FILE_NAME, read_reading_rows
from guards.detectors.embedder import shared
from guards.errors import DetectorError

ROWS = read_reading_rows(Path(__file__).parents[2] / "training_data" / FILE_NAME)
MODEL = load(embed=shared())


@pytest.fixture(scope="module", params=["with an embedder", "without"])
def model(request: pytest.FixtureRequest) -> ReadingModel:
    return MODEL if request.param == "with an embedder" else load()


# None of these is a row of the training data.
CLEAR = [
    ("how much would a custom video cost me?", "purchase"),
    ("i'd like to buy the new photo set", "purchase"),
    ("my payment was charged twice, i want a refund", "complaint"),
    ("tell me a story about a dragon and a baker", "story_request"),
    ("cuéntame una historia de dragones", "story_request"),
    ("what did you have for breakfast?", "question"),
    ("where did you grow up?", "question"),
    ("give me your whatsapp number", "boundary_push"),
    ("watching tv with the dog", "small_talk"),
    ("i want to kill myself", "distress"),
    ("i don't want to live anymore", "distress"),
    ("my husband hits me and i am scared", "distress"),
    ("no quiero vivir más", "distress"),
    ("ich will mich umbringen", "distress"),
    ("я не хочу жить", "distress"),
]


@pytest.mark.parametrize(("text", "intent"), CLEAR)
def test_what_is_clear_is_read_as_what_it_is(model: ReadingModel, text: str, intent: str) -> None:
    assert text not in {row.text for row in ROWS}
    assert model.read(text).intent == intent


@pytest.mark.parametrize(
    "text", ["i could die of laughter", "this traffic is killing me lol", "i'd kill for a pizza", "me muero de risa"]
)
def test_a_figure_of_speech_is_no_distress(model: ReadingModel, text: str) -> None:
    assert model.read(text).intent != "distress"


@pytest.mark.parametrize(
    "text",
    [
        "omg dead 💀💀",
        "kill me now haha",
        "i'm dying, that face",
        "this bus makes me want to cry",
        "so tired after work",
    ],
)
def test_dark_words_of_everyday_are_neither_distress_nor_flagged_as_such(text: str) -> None:
    assert text not in {row.text for row in ROWS}
    assert not MODEL.read(text).distress_possible


def test_distress_is_flagged_wherever_it_is_read(model: ReadingModel) -> None:
    read = [model.read(row.text) for row in ROWS[::40]]
    assert all(each.distress_possible for each in read if each.intent == "distress")


def test_what_might_be_distress_is_flagged_and_answered_as_what_it_is_likelier(model: ReadingModel) -> None:
    read = model.read("i feel so alone tonight")
    assert read.distress_possible
    assert read.intent == "small_talk"


def test_a_message_is_read_all_the_same_when_the_embedder_fails(caplog: pytest.LogCaptureFixture) -> None:
    def broken(texts: list[str]) -> Any:
        raise DetectorError("embedder", "Fail")

    assert load(embed=broken).read("i want to kill myself") == load().read("i want to kill myself")
    assert "without its embedding" in caplog.text
    assert "kill" not in caplog.text


def test_despair_within_a_long_message_is_found(model: ReadingModel) -> None:
    chatter = "today i went to the market and bought tomatoes, then we watched the game and had some beers. "
    assert model.read(3 * chatter).intent != "distress"
    assert model.read(2 * chatter + "i want to kill myself. " + 2 * chatter).intent == "distress"


def test_warm_words_have_a_higher_sentiment_than_cold_ones(model: ReadingModel) -> None:
    warm, plain, cold = (
        model.read(text).sentiment for text in ("i adore you sweetheart", "on the bus", "scam! give me my money back")
    )
    assert warm > plain > cold


@given(st.text(max_size=400))
def test_any_text_has_a_reading_within_bounds(text: str) -> None:
    reading = MODEL.read(text)
    assert reading.intent in INTENTS
    assert reading.emotion in EMOTIONS
    assert -1 <= reading.sentiment <= 1
    assert 0 <= reading.confidence <= 1


@pytest.mark.parametrize("text", ["", " ", "\ud800", "😂" * 50, "a" * 50_000, "i want to die " * 5_000])
def test_odd_texts_are_read_too(model: ReadingModel, text: str) -> None:
    assert model.read(text).intent in INTENTS


def test_a_model_of_another_table_is_refused(tmp_path: Path) -> None:
    with np.load(MODELS / WEIGHTS_FILE, allow_pickle=False) as kept:
        arrays = dict(kept)
    arrays["scores"] = arrays["scores"][:-1]
    np.savez(tmp_path / WEIGHTS_FILE, **arrays)
    with pytest.raises(ValueError, match="chaperone train reading"):
        load(tmp_path)
