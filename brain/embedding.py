"""Texts as vectors without a model: hashed words and character n-grams, weighted by how rare they are.

It stands apart as a plain function of text: the same vectors in every process and on every machine, no download, no
state after fitting. Feature hashing after Weinberger et al., arXiv 0902.2206.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

DIMENSIONS = 4096
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
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths == 0, 1, lengths)
        return rows


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
