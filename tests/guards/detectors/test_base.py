from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from guards.detectors.base import BuildProblem, Source
from guards.policy import Pattern


def test_a_build_problem_carries_the_entry_it_is_about(source_of: Callable[..., Source]) -> None:
    source = source_of(Pattern(pattern="("), number=3)
    problem = BuildProblem(source, "cannot be read")
    assert problem.source is source
    assert problem.source.place == ("find", 3, "pattern")
    assert str(problem) == problem.message == "cannot be read"


def test_a_source_cannot_be_changed(source_of: Callable[..., Source]) -> None:
    with pytest.raises(FrozenInstanceError):
        source_of(Pattern(pattern="x")).rule = "other"  # type: ignore[misc]
