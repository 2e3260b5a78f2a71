"""Batches: texts of like length together, padded to one length, and the rate at which each is learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor


def batches(ids: Sequence[Sequence[int]], size: int, order: np.random.Generator | None) -> Iterator[list[int]]:
    """Places in `ids`, at most `size` together, of texts of like length, in random order; in order of length without a
    generator."""
    noise = order.integers(0, 6, len(ids)) if order is not None else np.zeros(len(ids))
    tie = order.permutation(len(ids)) if order is not None else np.arange(len(ids))
    by_length = sorted(range(len(ids)), key=lambda at: (len(ids[at]) + noise[at], tie[at]))
    found = [by_length[start : start + size] for start in range(0, len(ids), size)]
    if order is not None:
        order.shuffle(found)
    yield from found


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(texts, longest) word pieces, and the same with 1 for a piece and 0 for padding."""
    longest = max(map(len, rows))
    pieces = torch.zeros((len(rows), longest), dtype=torch.long)
    present = torch.zeros((len(rows), longest))
    for number, row in enumerate(rows):
        pieces[number, : len(row)] = torch.tensor(row)
        present[number, : len(row)] = 1
    return pieces, present


def slope(step: int, warm: int, steps: int) -> float:
    """The share of the full rate at `step` of `steps`: rising for `warm` steps, then falling to nothing."""
    return min(1.0, (step + 1) / max(1, warm)) * max(0.0, (steps - step) / steps)
