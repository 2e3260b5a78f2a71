"""The exported int8 model, laid out for one text, says what the trained encoder says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guards.detectors.transformer import Pieces, Transformer
from guards.training.examples import Example, Plan

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training import transformer as training  # noqa: E402 - it imports torch
from guards.training.export import export  # noqa: E402

LABELS = ["contact", "meetup"]


@pytest.mark.filterwarnings("ignore")  # torch's own exporter warns of itself
def test_what_is_exported_says_what_the_encoder_says(
    base: Path, examples: list[Example], tmp_path: Path, silent: Callable[[str], None]
) -> None:
    encoder = training.fine_tune(base, examples, LABELS, Plan(layers=3, epochs=40, seed=1), silent)
    export(encoder, base, tmp_path)
    model = Transformer(tmp_path, LABELS, [(1.0, 0.0)] * 2)
    ids = torch.tensor([Pieces(base / "tokenizer.json").ids("come over to my place")])
    with torch.inference_mode():
        scores, interest = encoder(ids, torch.ones(ids.shape))
    found, raw = model.raw("come over to my place")
    assert raw == pytest.approx(scores[0].tolist(), abs=0.15)
    assert found == pytest.approx(float(interest), abs=0.15)
