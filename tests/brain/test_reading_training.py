"""Training again gives the shipped scores, and the shipped scores are what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brain.labelled import FILE_NAME as OTHERS_FILE
from brain.labelled import other_people
from brain.reading import EMOTIONS, INTENTS, MODELS, load
from brain.reading_files import CARD_FILE
from brain.reading_rows import FILE_NAME, digest_of, digest_of_texts, read_reading_rows
from brain.reading_training import train_reading
from guards.detectors.embedder import shared
from proxy.commands.train import OTHERS as MOST_OTHERS

DATA = Path(__file__).parents[2] / "training_data"
ROWS = read_reading_rows(DATA / FILE_NAME)
OTHERS = other_people(DATA / OTHERS_FILE, MOST_OTHERS)
KINDS = ("with_embedder", "without_embedder")
SHIPPED: dict[str, Any] = json.loads((MODELS / CARD_FILE).read_text(encoding="utf-8"))


def numbers(card: Any) -> Iterator[float]:
    for value in card.values() if isinstance(card, dict) else []:
        if isinstance(value, float):
            yield value
        yield from numbers(value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Taught anew without an embedder, as half of what is shipped was."""
    out = tmp_path_factory.mktemp("reading")
    return out, train_reading(ROWS, out, others=OTHERS)


def test_the_shipped_model_was_taught_with_the_rows_that_stand_beside_it() -> None:
    assert SHIPPED["digest"] == digest_of(ROWS)
    assert SHIPPED["others_digest"] == digest_of_texts(set(OTHERS) - {row.text for row in ROWS})


def test_training_again_gives_the_shipped_scores(trained: tuple[Path, Any]) -> None:
    again = json.loads((trained[0] / CARD_FILE).read_text(encoding="utf-8"))["without_embedder"]
    assert list(numbers(again)) == pytest.approx(list(numbers(SHIPPED["without_embedder"])), abs=0.005)


def test_what_was_written_reads_as_the_shipped_model_does(trained: tuple[Path, Any]) -> None:
    again, shipped = load(trained[0]), load()
    sample = ROWS[::25]
    same = sum(again.read(row.text).intent == shipped.read(row.text).intent for row in sample)
    assert same >= 0.99 * len(sample)


def test_an_embedder_makes_a_second_reader_and_its_card(tmp_path: Path) -> None:
    few = ROWS[::8]
    card = train_reading(few, tmp_path, others=OTHERS[:200], embed=shared(), embedder="that one")
    assert card["embedder"] == "that one"
    assert card["with_embedder"]["intent"]["accuracy"] > card["without_embedder"]["intent"]["accuracy"]
    reader = load(tmp_path, shared())
    assert sum(reader.read(row.text).intent == row.intent for row in few) > 0.9 * len(few)


def test_distress_that_was_held_out_is_found_within_the_false_alarms_that_are_allowed() -> None:
    scores = SHIPPED["with_embedder"]["distress"]
    assert scores["routed"]["false_alarms"] <= 0.035
    assert scores["routed"]["false_alarms_others"] <= 0.035
    assert scores["routed"]["recall"] >= 0.75
    assert scores["possible"]["recall"] >= 0.89
    assert scores["possible"]["precision"] >= 0.67


def test_intents_that_were_held_out_are_read_right_four_times_in_five() -> None:
    assert SHIPPED["with_embedder"]["intent"]["accuracy"] >= 0.8


def test_probabilities_are_calibrated() -> None:
    assert max(max(SHIPPED[kind]["calibration"].values()) for kind in KINDS) <= 0.05


def test_every_label_is_scored() -> None:
    for kind in KINDS:
        assert set(SHIPPED[kind]["intent"]) == {"accuracy", *INTENTS}
        assert set(SHIPPED[kind]["emotion"]) == {"accuracy", *EMOTIONS}
