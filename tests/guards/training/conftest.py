"""A base model small enough to be trained within a test: a two-layer BERT over a few words, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from guards.training.examples import Example

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")
safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: make train-tools")
pytest.importorskip("onnx", reason="onnx is not installed: make train-tools")

WORDS = [
    "come", "over", "to", "mine", "tonight", "at", "eight", "my", "place", "hello", "how", "was", "your", "day", "i",
    "like", "the", "rain", "cats", "and", "tea",
]  # fmt: skip
WIDTH, INNER, LAYERS, PLACES = 24, 48, 3, 160


def weights(vocabulary: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)

    def some(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.2).astype(np.float32)

    named = {
        "embeddings.word_embeddings.weight": some(vocabulary, WIDTH),
        "embeddings.position_embeddings.weight": some(PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for at in range(LAYERS):
        layer = f"encoder.layer.{at}"
        shapes = {
            "attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER),
        }  # fmt: skip
        for name, shape in shapes.items():
            named |= {f"{layer}.{name}.weight": some(*shape), f"{layer}.{name}.bias": some(shape[0])}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        named |= {f"{norm}.weight": np.ones(WIDTH, np.float32), f"{norm}.bias": np.zeros(WIDTH, np.float32)}
    return named


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small base model."""
    folder = tmp_path_factory.mktemp("base")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + list("0123456789?!.,:")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = list(dict.fromkeys(vocabulary))
    config = {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": INNER,
        "vocab_size": len(vocabulary), "max_position_embeddings": PLACES,
    }  # fmt: skip
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {word: at for at, word in enumerate(vocabulary)}},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    safetensors.save_file(weights(len(vocabulary)), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Invitations and small talk, which any head can tell apart."""
    random = np.random.default_rng(3)
    meeting, ordinary = WORDS[:9], WORDS[9:]
    rows = []
    for number in range(160):
        said = random.choice(meeting if number % 2 else ordinary, 6).tolist()
        rows.append(Example(f"{' '.join(said)} {number}", frozenset(["meetup"] if number % 2 else [])))
    return rows


@pytest.fixture
def silent() -> Callable[[str], None]:
    """For what tells how it goes."""
    return lambda _: None
