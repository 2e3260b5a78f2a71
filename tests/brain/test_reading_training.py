"""Training again gives the shipped scores, and the shipped scores are what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brain.reading import EMOTIONS, INTENTS, MODELS, load
from brain.reading_rows import FILE_NAME, digest_of, read_reading_rows
from brain.reading_training import CARD_FILE, train_reading

ROWS = read_reading_rows(Path(__file__).parents[2] / "training_data" / FILE_NAME)
SHIPPED: dict[str, Any] = json.loads((MODELS / CARD_FILE).read_text(encoding="utf-8"))


def numbers(card: Any) -> Iterator[float]:
    for value in card.values() if isinstance(card, dict) else []:
        if isinstance(value, float):
            yield value
        yield from numbers(value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    out = tmp_path_factory.mktemp("reading")
    return out, train_reading(ROWS, out)


def test_the_shipped_model_was_taught_with_the_rows_that_stand_beside_it() -> None:
    assert SHIPPED["digest"] == digest_of(ROWS)


def test_training_again_gives_the_shipped_scores(trained: tuple[Path, Any]) -> None:
    again = json.loads((trained[0] / CARD_FILE).read_text(encoding="utf-8"))
    assert list(numbers(again)) == pytest.approx(list(numbers(SHIPPED)), abs=0.005)


def test_what_was_written_reads_as_the_shipped_model_does(trained: tuple[Path, Any]) -> None:
    again, shipped = load(trained[0]), load()
    sample = ROWS[::25]
    same = sum(again.read(row.text).intent == shipped.read(row.text).intent for row in sample)
    assert same >= 0.99 * len(sample)


def test_distress_that_was_held_out_is_hardly_ever_missed() -> None:
    assert SHIPPED["intent"]["distress"]["recall"] >= 0.95


def test_probabilities_are_calibrated() -> None:
    assert max(SHIPPED["calibration"].values()) <= 0.05


def test_every_label_is_scored() -> None:
    assert set(SHIPPED["intent"]) == {"accuracy", *INTENTS}
    assert set(SHIPPED["emotion"]) == {"accuracy", *EMOTIONS}
