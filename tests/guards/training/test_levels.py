"""The levels of a card keep what the transformer finds and pass the rest by."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training.levels import Looked, heat, levels

LABELS = ["contact", "meetup"]
SCALES = [(1.0, 0.0), (2.0, -1.0)]
RANDOM = np.random.default_rng(0)
RAW = RANDOM.normal(-2, 2, (6_000, 2))
TRUTH = 1 / (1 + np.exp(-(RAW * [1.0, 2.0] + [0.0, -1.0])))
IS_ALONE = np.arange(len(RAW)) % 2 == 0


def looked(glance: NDArray[np.float64]) -> Looked:
    return Looked(
        labels=LABELS, scales=SCALES, probabilities=TRUTH, glance=glance, gate=RAW.max(1), interest=TRUTH.max(1),
        is_alone=IS_ALONE,
    )  # fmt: skip


GLANCE = RAW + RANDOM.normal(0, 0.5, RAW.shape)
LEVELS = levels(looked(GLANCE))


@pytest.mark.parametrize(("name", "among"), [("alone", IS_ALONE), ("behind", ~IS_ALONE)])
def test_each_step_hands_on_nearly_all_that_is_found_from_each_probability_on(
    name: str, among: NDArray[np.bool_]
) -> None:
    for level in LEVELS[name]:
        found = among & (TRUTH.max(1) >= level["from"])
        least = [level["glance"][label] for label in LABELS]
        assert (GLANCE[found] >= least).any(1).mean() >= 0.985
        assert (TRUTH.max(1)[found] >= level["interest"]).mean() >= 0.985


def test_and_passes_by_much_of_the_rest() -> None:
    for level in LEVELS["alone"]:
        rest = TRUTH.max(1) < level["from"] / 4
        assert (GLANCE[rest] >= [level["glance"][label] for label in LABELS]).any(1).mean() < 0.2


def test_a_higher_probability_is_handed_on_from_higher_scores() -> None:
    gates = [level["gate"] for level in LEVELS["alone"]]
    assert gates == sorted(gates)
    assert gates[0] < gates[-1]


def test_behind_turns_the_gate_has_no_say() -> None:
    assert not any("gate" in level for level in LEVELS["behind"])


def test_as_many_turns_are_hot_at_a_glance_as_by_the_transformer() -> None:
    for at, label in enumerate(LABELS):
        hot = GLANCE[:, at] >= heat(looked(GLANCE))[label]
        assert hot.mean() == pytest.approx((TRUTH[:, at] >= 0.05).mean(), abs=0.01)
