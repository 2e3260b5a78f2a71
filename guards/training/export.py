"""Exports the trained encoder as int8 ONNX, laid out for what runs: one text at a time.

It stands apart from the encoder that is taught because the same numbers are computed with fewer and larger steps: no
batch and no mask, the three projections of a layer's attention as one product, their scale inside it, every shape but
the number of word pieces known. That takes a fifth off a text's time.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from guards.training.base_model import FIRST_LAYERS, Encoder, Layer

_OPSET = 17
_GROW = frozenset({"ids", "states"})  # with the number of word pieces


def export(encoder: Encoder, base: Path, out: Path) -> None:
    """Writes first.onnx, rest.onnx (int8, each output channel with its own scale) and tokenizer.json to `out`."""
    width = encoder.head.in_features
    ids = torch.zeros((1, 16), dtype=torch.long)
    _write(_First(encoder), ids, out / "first.onnx", ("ids", ["states", "interest"]))
    _write(_Rest(encoder), torch.zeros((1, 16, width)), out / "rest.onnx", ("states", ["scores"]))
    shutil.copyfile(base / "tokenizer.json", out / "tokenizer.json")


def _write(step: nn.Module, shown: Tensor, out: Path, names: tuple[str, list[str]]) -> None:
    """Writes `step`, whose input has (1, pieces, …), as int8 ONNX to `out`; `names` are of its input and outputs.

    Weights have 7 bits: with 8, pairs of products overflow on processors without VNNI, and scores differ from theirs.
    """
    whole = out.with_suffix(".f32")
    step.eval()
    torch.onnx.export(
        step, (shown,), str(whole), dynamo=False, opset_version=_OPSET, input_names=[names[0]], output_names=names[1],
        dynamic_axes={name: {1: "pieces"} for name in (names[0], *names[1]) if name in _GROW},
    )  # fmt: skip
    quantize_dynamic(
        str(whole), str(out), per_channel=True, weight_type=QuantType.QInt8, reduce_range=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip
    whole.unlink()


class _First(nn.Module):
    """(1, pieces) ids to (1, pieces, width) states and the interest in them."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = nn.ModuleList(map(_OneText, encoder.layers[:FIRST_LAYERS]))

    def forward(self, ids: Tensor) -> Any:
        encoder = self.encoder
        x = encoder.norm(encoder.word(ids.reshape(-1)) + encoder.position.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x)
        return x.reshape(1, -1, x.shape[1]), encoder.interest_head(x.mean(0))


class _Rest(nn.Module):
    """(1, pieces, width) states to (1, labels) scores."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = nn.ModuleList(map(_OneText, encoder.layers[FIRST_LAYERS:]))

    def forward(self, states: Tensor) -> Tensor:
        x = states.reshape(-1, states.shape[2])
        for layer in self.layers:
            x = layer(x)
        scores: Tensor = self.encoder.head(x.mean(0, keepdim=True))
        return scores


class _OneText(nn.Module):
    """A layer over (pieces, width): what Layer computes for a batch of one."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        width = layer.query.in_features
        scale = (width // layer.heads) ** -0.5
        self.three = nn.Linear(width, 3 * width)
        with torch.no_grad():
            self.three.weight.copy_(torch.cat([layer.query.weight * scale, layer.key.weight, layer.value.weight]))
            self.three.bias.copy_(torch.cat([layer.query.bias * scale, layer.key.bias, layer.value.bias]))

    def forward(self, x: Tensor) -> Tensor:
        layer, width = self.layer, self.layer.query.in_features
        heads = self.three(x).reshape(-1, 3 * layer.heads, width // layer.heads).permute(1, 0, 2)
        query, key, value = torch.split(heads, layer.heads)
        mixed = (torch.softmax(query @ key.transpose(-1, -2), -1) @ value).permute(1, 0, 2).reshape(-1, width)
        x = layer.out_norm(x + layer.out(mixed))
        kept: Tensor = layer.norm(x + layer.down(nn.functional.gelu(layer.up(x))))
        return kept
