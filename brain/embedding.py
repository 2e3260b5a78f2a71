"""Texts as vectors: hashed words and character n-grams, weighted by how rare they are, and a model's beside them.

It stands apart as a plain function of text: the same vectors in every process and on every machine, no download, no
state after fitting. Which model of meaning there is, if any, is the caller's to say. Feature hashing after Weinberger
et al., arXiv 0902.2206.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]
"""Texts to vectors of length 1, a row each: (n, d) float32."""

DIMENSIONS = 2048
_COMMON_DIRECTIONS = 3
_ITERATIONS = 20
_TEXTS_A_DIRECTION = 50
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


class Embedding:
    """Embeds texts as unit vectors; a dot product is their likeness, 0 (nothing shared) to 1 (same features).

    Fitted on `corpus`: a feature weighs the more, the fewer of these texts have it, and one that all have weighs
    nothing. Callable the way dspy.KNN wants its vectorizer.
    """

    def __init__(self, corpus: Iterable[str]) -> None:
        texts = list(corpus)
        holders = np.zeros(DIMENSIONS, dtype=np.float32)
        for text in texts:
            holders[list(set(_buckets(text)))] += 1
        self._weights = np.log((1 + len(texts)) / (1 + holders)).astype(np.float32)

    def __call__(self, texts: list[str]) -> Vectors:
        """One row of DIMENSIONS float32 per text; a text with no weighted feature is a row of zeros."""
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            buckets = list(set(_buckets(text)))
            row[buckets] = self._weights[buckets]
        return unit(rows)


def _buckets(text: str) -> Iterator[int]:
    # zlib.crc32, not hash(): the latter differs from process to process.
    return (zlib.crc32(feature.encode("utf-8", "replace")) % DIMENSIONS for feature in features(text))


def features(text: str) -> Iterator[str]:
    """Words, pairs of neighbours, and three and four letters in a row; case, width and drawn-out letters folded."""
    folded = _DRAWN_OUT.sub(r"\1", unicodedata.normalize("NFKC", text).casefold())
    tokens = _TOKEN.findall(folded)
    yield from (f"w {token}" for token in tokens)
    yield from (f"p {left} {right}" for left, right in itertools.pairwise(tokens))
    for token in tokens:
        padded = f"^{token}$"
        for size in (3, 4):
            yield from (f"c {padded[start : start + size]}" for start in range(len(padded) - size + 1))


class Combined:
    """The hashed features and, where there is one, a model of meaning, side by side and of equal weight.

    `meaning` embeds texts as unit vectors. What is common to all of `corpus` is taken out of these (their mean and
    first principal directions: Mu and Viswanath, arXiv 1702.01417), so that here too 0 means nothing shared.
    """

    def __init__(self, corpus: Iterable[str], meaning: Embed | None = None) -> None:
        texts = list(corpus)
        self._words = Embedding(texts)
        self._meaning = meaning
        if meaning:
            vectors = meaning(texts)
            self._mean = vectors.mean(axis=0)
            self._common = _principal(vectors - self._mean, min(_COMMON_DIRECTIONS, len(texts) // _TEXTS_A_DIRECTION))

    def __call__(self, texts: list[str]) -> Vectors:
        """One unit row of float32 per text, or zeros for one without features."""
        words = self._words(texts)
        if self._meaning is None:
            return words
        vectors = self._meaning(texts) - self._mean
        vectors -= (vectors @ self._common) @ self._common.T
        return unit(np.hstack([words, unit(vectors)]))


def _principal(rows: Vectors, count: int) -> Vectors:
    """The first `count` principal directions of `rows` as columns, by orthogonal iteration: numpy finds all of them,
    and on busy cores takes seconds for it."""
    scatter = rows.T @ rows
    found = np.random.default_rng(0).standard_normal((rows.shape[1], count)).astype(np.float32)
    for _ in range(_ITERATIONS):
        found = np.linalg.qr(scatter @ found)[0]
    return found


def unit(rows: Vectors) -> Vectors:
    """The rows at length 1; those of zeros stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
