"""Training leaves a whole model folder that rules can use, or leaves what was there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from guards.detectors.classifier import load
from guards.errors import TrainingError
from guards.training.examples import Example, Plan

pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training.train import FILES, train

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own exporter warns of itself
QUICK = Plan(layers=3, epochs=4, seed=1)


def test_a_trained_folder_is_loaded_by_the_detector_and_carries_its_scores(
    base: Path, examples: list[Example], tmp_path: Path, silent: Callable[[str], None]
) -> None:
    card = train(examples, ["meetup"], tmp_path, QUICK, silent, base=str(base))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "card.json").read_text()) == card
    assert {"recall_at_1%", "recall_at_3%", "recall_at_5%"} <= card["labels"]["meetup"].keys()
    model = load(tmp_path)
    assert model.transformer.labels == ("meetup",)
    assert model.gate.score("come over to my place tonight") > model.gate.score("cats and tea")
    assert model.alone.for_bounds({"meetup": 0.9}).gate >= model.alone.for_bounds({"meetup": 0.2}).gate


def test_a_base_that_cannot_be_used_leaves_the_folder_alone(
    examples: list[Example], tmp_path: Path, silent: Callable[[str], None]
) -> None:
    (tmp_path / "card.json").write_text("as it was")
    with pytest.raises(TrainingError):
        train(examples, ["meetup"], tmp_path, QUICK, silent, base=str(tmp_path))
    assert (tmp_path / "card.json").read_text() == "as it was"
