"""What is written is what is loaded, with and without an embedder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brain.nearness import PROBES, Near
from brain.reading import INTENTS, OUTPUTS, Looker, Weights, load
from brain.reading_files import CARD_FILE, write


def weights(favoured: str) -> Weights:
    """Read every message as the one intent."""
    size = Looker().size
    bias = np.zeros(OUTPUTS, dtype=np.float32)
    bias[INTENTS.index(favoured)] = 1
    emotions = OUTPUTS - len(INTENTS) - 1
    layers = [np.vstack([9 * np.eye(n), np.zeros((1, n))]).astype(np.float32) for n in (len(INTENTS), emotions)]
    return Weights(np.ones(size, np.float32), np.zeros((size, OUTPUTS), np.float32), bias, *layers, 0.5, 0.5)


def test_a_reader_without_an_embedder_has_weights_of_its_own(tmp_path: Path) -> None:
    vectors = np.eye(2, 4, dtype=np.float32)
    probes = np.ones((len(PROBES), 4), dtype=np.float32) / 2
    near = Near(np.zeros(4, np.float32), vectors, np.zeros((2, OUTPUTS), np.float32), probes)
    write(tmp_path, weights("question"), weights("purchase"), near, {"rows": 3})
    assert load(tmp_path).read("hello").intent == "question"
    assert load(tmp_path, lambda texts: np.full((len(texts), 4), 0.5, np.float32)).read("hello").intent == "purchase"
    assert json.loads((tmp_path / CARD_FILE).read_text()) == {"rows": 3}


def test_weights_taught_without_an_embedder_serve_no_reader_that_has_one(tmp_path: Path) -> None:
    write(tmp_path, weights("question"), None, None, {})
    assert load(tmp_path).read("hello").intent == "question"
    with pytest.raises(FileNotFoundError):
        load(tmp_path, lambda texts: np.ones((len(texts), 4), np.float32))
