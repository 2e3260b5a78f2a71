"""Trains the gate: one linear head over words, pairs, character n-grams and static embeddings, told in look-up tables.

The static embedding of a word is what the base model makes of the word alone, its directions of most variance kept. It
lets the head speak of words that no example holds.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from guards.clean import clean
from guards.detectors.gate import Gate, Pair, grams_of, pairs_of, words_of
from guards.detectors.transformer import Pieces
from guards.training.base_model import load
from guards.training.examples import Example

_FEWEST = 2  # examples in which a pair or n-gram must stand to have a weight of its own
_DIMENSIONS = 256
_STEPS = 400
_RATE = 0.03
_DECAY = 3e-5
_STATIC_DECAY = 0.3


@dataclass(frozen=True, slots=True)
class _Tables:
    words: list[str]
    pairs: list[Pair]
    grams: list[str]
    embeddings: Tensor


def fit(folder: Path, examples: Sequence[Example], seed: int) -> Gate:
    """The gate for `examples`: any label opens it."""
    torch.manual_seed(seed)
    texts = [words_of(clean(example.text).text) for example in examples]
    tables = _tables(folder, texts)
    said, static = _features(tables, texts)
    truth = torch.tensor([float(bool(example.labels)) for example in examples])
    weights = torch.zeros(said.shape[1], requires_grad=True)
    directions = torch.zeros(static.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weights, directions, bias], lr=_RATE)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in range(_STEPS):
        raw = (said @ weights[:, None])[:, 0] + static @ directions + bias
        size = (weights**2).sum() + _STATIC_DECAY * (directions**2).sum()
        loss = loss_of(raw, truth) + _DECAY * size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _collapsed(tables, weights.detach(), directions.detach(), float(bias.detach()))


def scores(gate: Gate, examples: Sequence[Example]) -> NDArray[np.float64]:
    """The gate's score of each example."""
    return np.array([gate.score(clean(example.text).text) for example in examples])


def _tables(folder: Path, texts: Sequence[Sequence[str]]) -> _Tables:
    known = {word for words in texts for word in words}
    published = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(known | {word for word in published if word.isalpha()})
    pairs = Counter(pair for words in texts for pair in set(pairs_of(words)))
    grams = Counter(gram for word in words for gram in set(grams_of(word)))
    return _Tables(
        words,
        sorted(pair for pair, count in pairs.items() if count >= _FEWEST),
        sorted(gram for gram, count in grams.items() if count >= _FEWEST),
        _embeddings(folder, words),
    )


def _embeddings(folder: Path, words: Sequence[str]) -> Tensor:
    """(words, dimensions): the base model's vector of each word alone, centred, reduced, of unit length at the mean."""
    encoder = load(folder, 99, 1).eval()
    pieces = Pieces(folder / "tokenizer.json")
    ids = [pieces.ids(word)[:12] for word in words]
    vectors = torch.zeros((len(words), encoder.head.in_features))
    by_length: dict[int, list[int]] = {}
    for at, each in enumerate(ids):
        by_length.setdefault(len(each), []).append(at)
    with torch.inference_mode():
        for places in by_length.values():
            for start in range(0, len(places), 512):
                batch = places[start : start + 512]
                vectors[batch] = encoder.pooled(torch.tensor([ids[at] for at in batch]))
    vectors -= vectors.mean(0)
    directions = torch.linalg.svd(vectors[:: max(1, len(words) // 8000)], full_matrices=False)[2]
    reduced = vectors @ directions[:_DIMENSIONS].T
    return reduced / reduced.norm(dim=1).mean()


def _features(tables: _Tables, texts: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
    """What each text says: (texts, words + pairs + n-grams), sparse; and its static embedding, (texts, dimensions)."""
    word_at = {word: at for at, word in enumerate(tables.words)}
    pair_at = {pair: len(word_at) + at for at, pair in enumerate(tables.pairs)}
    gram_at = {gram: len(word_at) + len(pair_at) + at for at, gram in enumerate(tables.grams)}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    static = torch.zeros((len(texts), tables.embeddings.shape[1]))
    for number, words in enumerate(texts):
        by = 1 / math.sqrt(len(words) or 1)
        found = [(word_at[word], by) for word in words]
        found += [(pair_at[pair], by) for pair in pairs_of(words) if pair in pair_at]
        for word in words:
            grams = grams_of(word)
            found += [(gram_at[gram], by / math.sqrt(len(grams))) for gram in grams if gram in gram_at]
        rows += [number] * len(found)
        columns += [at for at, _ in found]
        values += [value for _, value in found]
        static[number] = tables.embeddings[[word_at[word] for word in words]].sum(0) * by
    size = (len(texts), len(word_at) + len(pair_at) + len(gram_at))
    said = torch.sparse_coo_tensor(torch.tensor([rows, columns]), torch.tensor(values), size, check_invariants=False)
    return said.coalesce(), static


def _collapsed(tables: _Tables, weights: Tensor, directions: Tensor, bias: float) -> Gate:
    """The head in look-up tables: all of what a word adds is one number."""
    ends = len(tables.words), len(tables.words) + len(tables.pairs)
    word = (weights[: ends[0]] + tables.embeddings @ directions).tolist()
    pair = weights[ends[0] : ends[1]].tolist()
    gram = dict(zip(tables.grams, weights[ends[1] :].tolist(), strict=True))
    words = {
        each: value + sum(gram.get(part, 0.0) for part in grams_of(each)) / math.sqrt(len(grams_of(each)))
        for each, value in zip(tables.words, word, strict=True)
    }
    pairs = dict(zip(tables.pairs, pair, strict=True))
    return Gate(words, pairs, gram, bias=bias)
