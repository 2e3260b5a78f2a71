"""The glance learns what its teacher says, also of texts that nobody labelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guards.detectors.glance import Glance
from guards.detectors.transformer import Transformer
from guards.training.examples import Example, Plan

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training import transformer as training  # noqa: E402 - it imports torch
from guards.training.export import export, export_glance  # noqa: E402
from guards.training.glance import distil  # noqa: E402

LABELS = ["contact", "meetup"]


@pytest.mark.filterwarnings("ignore")  # torch's own exporter warns of itself
def test_what_the_teacher_finds_stands_out_at_a_glance(
    base: Path, examples: list[Example], tmp_path: Path, silent: Callable[[str], None]
) -> None:
    encoder = training.fine_tune(base, examples, LABELS, Plan(layers=3, epochs=40, seed=1), silent)
    export(encoder, base, tmp_path)
    teacher = Transformer(tmp_path, LABELS, [(1.0, 0.0)] * 2, -100.0)
    export_glance(distil(encoder, teacher, examples, epochs=30, seed=1, say=silent), tmp_path)
    glance = Glance(tmp_path, teacher.pieces)
    assert glance.score("come over to my place") > glance.score("cats and tea")
    assert glance.score("come over to my") > glance.score("cats and")
