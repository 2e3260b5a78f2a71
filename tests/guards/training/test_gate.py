"""The trained gate tells apart what it was shown, and words it never saw by their likeness."""

from __future__ import annotations

from pathlib import Path

import pytest

from guards.training.examples import Example

pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training import gate as training


@pytest.fixture(scope="module")
def trained(base: Path, examples: list[Example]) -> training.Gate:
    return training.fit(base, examples, seed=0)


def test_invitations_score_above_small_talk(trained: training.Gate) -> None:
    assert trained.score("come over to my place tonight") > trained.score("hello how was your day")


def test_the_same_seed_gives_the_same_gate(base: Path, examples: list[Example], trained: training.Gate) -> None:
    again = training.fit(base, examples, seed=0)
    assert again.score("come over") == pytest.approx(trained.score("come over"), abs=1e-4)
