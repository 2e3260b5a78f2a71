"""Bounds are found where they were asked for, and no row is judged by a bound that it had a part in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brain.reading import EMOTIONS, INTENTS, OUTPUTS
from brain.reading_card import FALSE_ALARMS, POSSIBLE_RECALL, Held, bounds_of, card_of

DISTRESS = INTENTS.index("distress")


def held(rows: int = 1_000) -> Held:
    """Rows of which every fourth is distress, more surely so the higher its probability."""
    chance = np.random.default_rng(1)
    is_distress = np.arange(rows) % 4 == 0
    wanted = np.zeros((rows, OUTPUTS), dtype=np.float32)
    wanted[np.arange(rows), np.where(is_distress, DISTRESS, 0)] = 1
    wanted[:, len(INTENTS)] = 1
    intents = np.zeros((rows, len(INTENTS)), dtype=np.float32)
    intents[:, DISTRESS] = np.where(is_distress, chance.beta(5, 2, rows), chance.beta(1, 5, rows))
    intents[:, 0] = 1 - intents[:, DISTRESS]
    emotions = np.tile(wanted[:1, len(INTENTS) : -1], (rows, 1))
    others = chance.beta(1, 9, rows).astype(np.float32)
    return Held(intents, emotions, np.zeros(rows, dtype=np.float32), others, wanted, np.arange(rows) % 5)


def test_the_bounds_give_the_false_alarms_and_the_recall_that_are_wanted() -> None:
    found = held()
    bounds = bounds_of(found)
    distress, is_distress = found.intents[:, DISTRESS], found.wanted[:, DISTRESS] == 1
    assert (distress[~is_distress] >= bounds.distress_from).mean() == pytest.approx(FALSE_ALARMS, abs=0.002)
    assert (distress[is_distress] >= bounds.possible_from).mean() == pytest.approx(POSSIBLE_RECALL, abs=0.005)
    assert bounds.possible_from <= bounds.distress_from


def test_possible_distress_misses_less_and_cries_wolf_more() -> None:
    found = held()
    scores: Any = card_of(found, bounds_of(found))["distress"]
    assert scores["possible"]["recall"] > scores["routed"]["recall"]
    assert scores["possible"]["false_alarms"] > scores["routed"]["false_alarms"]
    curve = list(scores["recall_at_false_alarms"].values())
    assert curve == sorted(curve)


def test_a_perfect_reading_scores_one() -> None:
    found = held()
    found.intents[:] = found.wanted[:, : len(INTENTS)]
    card = card_of(found, bounds_of(found))
    assert card["emotion"]["accuracy"] == 1
    assert card["distress"]["possible"]["recall"] == 1
    assert set(card["emotion"]) == {"accuracy", *EMOTIONS}


def test_rows_without_distress_have_a_card_too() -> None:
    found = held()
    found.wanted[:, DISTRESS] = 0
    found.wanted[:, 0] = 1
    assert card_of(found, bounds_of(found))["distress"]["routed"]["recall"] == 0
