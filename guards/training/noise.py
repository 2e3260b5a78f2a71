"""Noise: a message as a careless hand or a masking tool would have left it, so that neither hides its meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from guards.training.examples import Example

_SHARE = 0.2  # of the examples are read with noise, each time anew
_NUMBER = re.compile(r"\d+(?:[.:,]\d+)*")
_MASKS = ("<#>", "<number>", "<decimal>", "[number]", "###")
_MARKS = re.compile(r"['’.,!?]+(?=\s|$)|['’]")
_LETTERS = re.compile(r"[^\W\d_]{4,}")

Noise = Callable[[str, np.random.Generator], str]


def noisy(example: Example, random: np.random.Generator) -> Example:
    """`example` as it is, or now and then with its text changed in one of the ways below; never with another label."""
    if random.random() >= _SHARE:
        return example
    change = _WAYS[int(random.integers(len(_WAYS)))]
    return replace(example, text=change(example.text, random) or example.text)


def mask_numbers(text: str, random: np.random.Generator) -> str:
    """`text` as a tool that masks numbers leaves it, all of them alike."""
    mask = _MASKS[int(random.integers(len(_MASKS)))]
    return _NUMBER.sub(mask, text)


def drop_marks(text: str, random: np.random.Generator) -> str:
    """`text` without apostrophes and without marks behind words."""
    return _MARKS.sub("", text)


def slip(text: str, random: np.random.Generator) -> str:
    """`text` with one letter inside one longer word left out, doubled, or swapped with the next."""
    words = list(_LETTERS.finditer(text))
    if not words:
        return text
    word = words[int(random.integers(len(words)))]
    at = int(random.integers(word.start() + 1, word.end() - 1))
    here, behind = text[at], text[at + 1]
    changed = ("", here + here, behind + here)[int(random.integers(3))]
    rest = at + 2 if changed == behind + here else at + 1
    return text[:at] + changed + text[rest:]


_WAYS: tuple[Noise, ...] = (mask_numbers, drop_marks, slip)
