from __future__ import annotations

from collections.abc import Callable

import pytest

from guards.detectors import classifier
from guards.detectors.base import BuildProblem, Source
from guards.guard import Guard
from guards.policy import Classifier


def test_a_classifier_entry_is_refused_by_name_while_no_weights_are_installed(
    source_of: Callable[..., Source],
) -> None:
    source = source_of(Classifier(classifier="meetup"))
    with pytest.raises(BuildProblem, match="classifier: meetup") as caught:
        classifier.build([source])
    assert caught.value.source is source


def test_a_rule_that_asks_for_a_classifier_makes_no_guard(guard_of: Callable[..., Guard]) -> None:
    with pytest.raises(BuildProblem):
        guard_of({"terms": ["wombat"]}, {"classifier": "meetup"})
