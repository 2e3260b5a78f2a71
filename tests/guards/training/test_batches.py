"""Batches hold every text once, texts of like length together, and padding is told from pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training.batches import batches, padded, slope  # noqa: E402 - it imports torch

ROWS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=12), min_size=1, max_size=40)


@given(ROWS, st.integers(1, 7), st.one_of(st.none(), st.integers(0, 99)))
def test_every_text_is_in_one_batch(rows: list[list[int]], size: int, seed: int | None) -> None:
    order = None if seed is None else np.random.default_rng(seed)
    found = list(batches(rows, size, order))
    assert all(len(batch) <= size for batch in found)
    assert sorted(at for batch in found for at in batch) == list(range(len(rows)))


@given(ROWS)
def test_padding_is_marked_and_takes_nothing_away(rows: list[list[int]]) -> None:
    pieces, present = padded(rows)
    assert [row[mark == 1].tolist() for row, mark in zip(pieces, present, strict=True)] == rows


def test_the_rate_rises_and_then_falls_to_nothing() -> None:
    rates = [slope(step, 10, 100) for step in range(101)]
    assert rates[0] < rates[9] > rates[50] > rates[99] > rates[100] == 0
