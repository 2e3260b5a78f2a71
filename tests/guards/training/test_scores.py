"""Scales make probabilities of scores; recalls and thresholds say what they say."""

from __future__ import annotations

import numpy as np
import pytest

from guards.training.scores import recall_at, scale, threshold_for, truths


def test_a_scaled_score_is_the_share_of_true_ones_at_it() -> None:
    random = np.random.default_rng(1)
    raw = random.uniform(-6, 6, 20_000)
    truth = random.uniform(size=20_000) < 1 / (1 + np.exp(-(0.7 * raw - 1)))
    slope, offset = scale(raw, truth)
    assert slope == pytest.approx(0.7, abs=0.05)
    assert offset == pytest.approx(-1, abs=0.1)


def test_a_set_that_is_parted_perfectly_gets_a_finite_scale() -> None:
    slope, offset = scale(np.array([-1.0, -1, 1, 1]), np.array([False, False, True, True]))
    assert np.isfinite([slope, offset]).all()
    assert slope > 0


def test_recall_is_counted_above_the_score_that_the_allowed_share_of_others_reaches() -> None:
    raw = np.arange(200, dtype=float)
    truth = np.zeros(200, dtype=bool)
    truth[[199, 150, 10]] = True
    found = recall_at(raw, truth)
    assert found["recall_at_1%"] == pytest.approx(1 / 3, abs=1e-4)
    assert found == dict(sorted(found.items(), key=lambda item: item[1]))


def test_a_threshold_lets_the_asked_share_through() -> None:
    raw = np.random.default_rng(2).normal(size=1000)
    assert (raw >= threshold_for(raw, 0.95, otherwise=0.0)).mean() == pytest.approx(0.95, abs=0.002)


def test_truths_are_told_label_by_label() -> None:
    labels = [frozenset({"a"}), frozenset(), frozenset({"a", "b"})]
    assert truths(labels, "a").tolist() == [True, False, True]


def test_without_any_score_there_is_no_threshold_but_the_one_given() -> None:
    assert threshold_for(np.array([]), 0.95, otherwise=-1.5) == -1.5


def test_of_nothing_there_is_no_score_to_reach() -> None:
    assert threshold_for(np.array([0.1, 0.2]), 0.0, otherwise=7.0) == 7.0
