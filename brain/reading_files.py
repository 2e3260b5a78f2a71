"""The files of a taught reader: its weights, with and without an embedder, and the card beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from brain.nearness import Near
from brain.reading import NEAR, NEAR_FILE, WEIGHTS_FILE, Weights

CARD_FILE = "card.json"
# What is large and bears rounding.
_SMALL = ("rarity", "scores", f"{NEAR}landmarks")


def write(out: Path, plain: Weights, richer: Weights | None, near: Near | None, card: dict[str, Any]) -> None:
    """Writes all of it to the folder `out`; `richer` and `near` belong together. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    _save(out / WEIGHTS_FILE, _arrays(plain))
    if richer and near:
        _save(out / NEAR_FILE, _arrays(richer) | {NEAR + name: getattr(near, name) for name in near.__slots__})
    (out / CARD_FILE).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _arrays(weights: Weights) -> dict[str, Any]:
    return {name: getattr(weights, name) for name in weights.__slots__}


def _save(path: Path, arrays: dict[str, Any]) -> None:
    kept: dict[str, Any] = {
        name: np.asarray(array, np.float16 if name in _SMALL else np.float32) for name, array in arrays.items()
    }
    np.savez_compressed(path, **kept)
