"""Fine-tuning learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guards.detectors.transformer import Pieces
from guards.training.examples import Example, Plan

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training import transformer as training  # noqa: E402 - it imports torch

LABELS = ["contact", "meetup"]


def test_what_was_learnt_tells_a_meeting_from_ordinary_talk(
    base: Path, examples: list[Example], silent: Callable[[str], None]
) -> None:
    encoder = training.fine_tune(base, examples, LABELS, Plan(layers=3, epochs=40, seed=1), silent)
    pieces = Pieces(base / "tokenizer.json")

    def meeting(text: str) -> float:
        ids = torch.tensor([pieces.ids(text)])
        with torch.inference_mode():
            return float(encoder(ids, torch.ones(ids.shape))[0][0, LABELS.index("meetup")])

    assert meeting("come over to my place") > meeting("cats and tea")
