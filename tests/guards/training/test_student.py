"""The student, and what is written of it for numpy, say the same of the same texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from guards.detectors.glance import Glance
from guards.detectors.transformer import Pieces
from guards.types import Message

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training.base_model import load  # noqa: E402 - it imports torch
from guards.training.student import laid_out, student_of  # noqa: E402

SAID = [("come over to my place", ()), ("", ()), ("yes", (Message("assistant", "come over tonight"),))]


def test_what_is_written_down_says_what_the_student_says(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    student = student_of(load(base, 1, 2)).eval()
    student.save(tmp_path)
    pieces = Pieces(base / "tokenizer.json")
    glance = Glance(tmp_path, pieces)
    with torch.inference_mode():
        scores = student(*laid_out([pieces.ids(text, turns) for text, turns in SAID], pieces.between))
    for (text, turns), expected in zip(SAID, scores.tolist(), strict=True):
        assert glance.scores(text, turns) == pytest.approx(expected, abs=0.01)


def test_a_text_scores_alike_whatever_is_in_its_batch(base: Path) -> None:
    student = student_of(load(base, 1, 2)).eval()
    pieces = Pieces(base / "tokenizer.json")
    short, long = pieces.ids("tea"), pieces.ids("how was your day at the place")
    with torch.inference_mode():
        alone, together = (student(*laid_out(rows, pieces.between)) for rows in ([short], [short, long]))
    assert alone[0].tolist() == pytest.approx(together[0].tolist(), abs=1e-5)
