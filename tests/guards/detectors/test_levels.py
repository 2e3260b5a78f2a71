"""Levels: the lower the probability from which a rule counts, the more the cheap steps hand on."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors.classifier import load
from guards.detectors.levels import Levels

LABELS = ["contact", "meetup"]


def level(least: float, gate: float) -> dict[str, Any]:
    return {"from": least, "gate": gate, "glance": {"contact": gate + 1, "meetup": gate + 2}, "interest": gate + 3}


LEVELS = Levels([level(0.9, 5.0), level(0.5, 0.0)], LABELS)


def test_a_bound_takes_the_highest_level_not_above_it() -> None:
    assert LEVELS.for_bounds({"contact": 0.95, "meetup": 0.9}).gate == 5.0
    assert LEVELS.for_bounds({"contact": 0.89, "meetup": 0.89}).gate == 0.0


def test_each_label_is_looked_for_from_its_own_bound_on_and_everything_else_from_the_lowest() -> None:
    found = LEVELS.for_bounds({"contact": 0.95, "meetup": 0.6})
    assert found.glance == (6.0, 2.0)
    assert (found.gate, found.interest) == (0.0, 3.0)


def test_a_label_that_no_rule_asks_about_hands_nothing_on() -> None:
    assert LEVELS.for_bounds({"contact": 0.95}).glance == (6.0, math.inf)


def test_a_bound_below_all_levels_takes_the_lowest() -> None:
    assert LEVELS.for_bounds({"contact": 0.1, "meetup": 0.95}).gate == 0.0


def test_without_a_score_of_the_gate_it_hands_everything_on() -> None:
    told = {key: value for key, value in level(0.5, 0.0).items() if key != "gate"}
    assert Levels([told], LABELS).for_bounds({"meetup": 0.9}).gate == -math.inf


def test_a_card_without_levels_or_without_a_label_is_refused() -> None:
    with pytest.raises(ValueError, match="no levels"):
        Levels([], LABELS)
    with pytest.raises(KeyError):
        Levels([level(0.5, 0.0)], [*LABELS, "weather"])


@given(st.floats(0, 1), st.floats(0, 1))
def test_of_the_shipped_model_a_lower_bound_never_hands_on_less(one: float, other: float) -> None:
    low, high = (load().alone.for_bounds({"meetup": bound}) for bound in sorted((one, other)))
    assert low.gate <= high.gate
    assert low.interest <= high.interest
    assert all(a <= b for a, b in zip(low.glance, high.glance, strict=True))
