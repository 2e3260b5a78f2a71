"""The student: the glance as it is taught, in torch, and as it is written down, in whole numbers for numpy.

Its word vectors begin as the base model's, the directions of most variance kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from guards.detectors.glance import FILE, REACH
from guards.training.base_model import Encoder
from guards.training.batches import padded

WIDTH, FILTERS, INNER = 96, 384, 64
_SPREAD = 0.2  # of the word vectors at the beginning
_NOWHERE = -1e4
_MOST_OF_A_WORD = 127
_MOST_OF_A_FILTER = 32_000 // REACH  # so that what neighbours add up to fits into 16 bits


class Student(nn.Module):
    """Word pieces to one raw score a label: filters over neighbouring pieces, the most that each finds in the text and
    in the turns behind it, one hidden layer."""

    def __init__(self, vocabulary: int, width: int, labels: int) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, width)
        self.filters = nn.Linear(REACH * width, FILTERS)
        self.inner = nn.Linear(2 * FILTERS, INNER)
        self.head = nn.Linear(INNER, labels)

    def forward(self, ids: Tensor, of_text: Tensor, of_turns: Tensor) -> Tensor:
        """(batch, labels) scores of (batch, pieces) word pieces; `of_text` and `of_turns`, alike in shape, say which of
        them are the text's and which the turns' behind it. Where neither is, there is padding."""
        known, at = ids.unique(return_inverse=True)
        nothing = len(known)
        weights = self.filters.weight.reshape(FILTERS, REACH, -1).permute(2, 1, 0).flatten(1)
        adds = nn.functional.pad(self.word(known) @ weights, (0, 0, 0, 1))
        around = nn.functional.pad(at.masked_fill(~(of_text | of_turns), nothing), (1, 1), value=nothing)
        most = [self._most(adds, around, among) for among in (of_text, of_turns)]
        scores: Tensor = self.head(self.inner(torch.cat(most, 1)).relu())
        return scores

    def _most(self, adds: Tensor, around: Tensor, among: Tensor) -> Tensor:
        """(batch, filters): the most that each finds at the pieces that are `among`, nothing below 0. `adds` is what
        each piece adds, (pieces known, REACH * filters), `around` says which pieces stand there, one more at each end.

        Where that is found is looked for without a gradient, which only those places have: a third of the time."""
        if not among.any():
            return torch.zeros((len(among), FILTERS))
        places = [around[:, at : at + among.shape[1]] for at in range(REACH)]
        with torch.no_grad():
            slabs = adds.reshape(-1, REACH, FILTERS).transpose(0, 1).contiguous()
            found = nn.functional.embedding(places[0], slabs[0])
            for each, slab in zip(places[1:], slabs[1:], strict=True):
                found += nn.functional.embedding(each, slab)
            where = found.masked_fill_(~among[:, :, None], _NOWHERE).max(1).indices
        column = torch.arange(FILTERS)
        size = adds.shape[1]
        flat = adds.reshape(-1)
        parts = [flat[each.gather(1, where) * size + at * FILTERS + column] for at, each in enumerate(places)]
        most: Tensor = (sum(parts) + self.filters.bias).relu() * among.any(1, keepdim=True)
        return most

    def save(self, out: Path) -> None:
        """Writes the numbers that the glance reads to `out`/FILE: a byte for each of a word vector, and everything else
        in such steps that what a word piece adds to a filter is a whole number."""
        state = {name: each.detach().numpy() for name, each in self.state_dict().items()}
        size = np.abs(state["word.weight"]).max(0) / _MOST_OF_A_WORD
        words = np.rint(state["word.weight"] / size).astype(np.int8)
        three = state["filters.weight"].reshape(FILTERS, REACH, -1).transpose(2, 1, 0) * size[:, None, None]
        step = _largest(words, three) / _MOST_OF_A_FILTER
        np.savez(
            out / FILE,
            words=words,
            filters=(three / step).reshape(len(size), -1),
            bias=state["filters.bias"] / step,
            inner=(state["inner.weight"] * np.tile(step, 2)).T.copy(),
            inner_bias=state["inner.bias"],
            head=state["head.weight"].T.copy(),
            head_bias=state["head.bias"],
        )


def student_of(encoder: Encoder) -> Student:
    """One with the word vectors of `encoder`, reduced, that has learnt nothing yet."""
    words = encoder.word.weight.detach()
    width = min(WIDTH, words.shape[1])
    student = Student(len(words), width, encoder.head.out_features)
    centred = words - words.mean(0)
    directions = torch.linalg.svd(centred[:: max(1, len(words) // 8000)], full_matrices=False)[2]
    reduced = centred @ directions[:width].T
    with torch.no_grad():
        student.word.weight.copy_(reduced / reduced.std() * _SPREAD)
    return student


def laid_out(rows: Sequence[Sequence[int]], between: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a student reads of texts as word pieces, each with the piece `between` behind it and behind its turns."""
    ids, present = padded(rows)
    ends = torch.tensor([row.index(between) for row in rows])
    of_text = torch.arange(ids.shape[1]) <= ends[:, None]
    return ids, of_text, present.bool() & ~of_text


def _largest(words: NDArray[np.int8], filters: NDArray[np.float32]) -> NDArray[np.float32]:
    """(filters,): the most that any of `words`, (word pieces, width), adds to each of (width, REACH, filters)."""
    most = [np.abs(words.astype(np.float32) @ filters[:, at]).max(0) for at in range(REACH)]
    largest: NDArray[np.float32] = np.maximum(np.max(most, axis=0), np.float32(1e-6))
    return largest
