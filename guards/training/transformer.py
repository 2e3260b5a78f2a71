"""Fine-tunes the encoder on labelled messages and exports it as int8 ONNX."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from guards.detectors.transformer import Pieces
from guards.training.base_model import Encoder, load
from guards.training.examples import Example, Plan
from guards.training.noise import noisy

Say = Callable[[str], None]
_OPSET = 17
_BATCH = 32
_RATE = 1e-4
_HEAD_RATE = 1e-3
_WARM_UP = 0.1
_INTEREST = 0.3  # what the half-way look weighs beside the labels
_SMOOTHING = 0.02  # labels are read by people, who err


def fine_tune(folder: Path, examples: Sequence[Example], labels: Sequence[str], plan: Plan, say: Say) -> Encoder:
    """The base model in `folder`, taught `labels` with `examples`. `say` is told how it goes."""
    torch.manual_seed(plan.seed)
    encoder = load(folder, plan.layers, len(labels))
    pieces_of = Pieces(folder / "tokenizer.json")
    truth = torch.tensor([[float(label in example.labels) for label in labels] for example in examples])
    head = [*encoder.head.parameters(), *encoder.interest_head.parameters()]
    body = [each for each in encoder.parameters() if not any(each is other for other in head)]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": _RATE}, {"params": head, "lr": _HEAD_RATE}], weight_decay=0.01
    )
    steps = plan.epochs * math.ceil(len(examples) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _slope(step, steps))
    loss_of = nn.BCEWithLogitsLoss()
    short = torch.cpu._is_avx512_bf16_supported()  # short numbers where the processor counts in them: 1.7 times as fast
    encoder.train()
    for epoch in range(plan.epochs):
        total = 0.0
        random = np.random.default_rng(plan.seed + epoch)
        ids = _ids(pieces_of, [noisy(example, random) for example in examples])
        for batch in _batches(ids, random):
            pieces, present = _padded([ids[at] for at in batch])
            target = truth[batch] * (1 - 2 * _SMOOTHING) + _SMOOTHING
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=short):
                raw, interest = encoder(pieces, present)
            any_label = truth[batch].amax(1) * (1 - 2 * _SMOOTHING) + _SMOOTHING
            loss = loss_of(raw.float(), target) + _INTEREST * loss_of(interest.float(), any_label)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        say(f"epoch {epoch + 1} of {plan.epochs}: mean loss {total / len(ids):.4f}")
    encoder.eval()
    return encoder


def export(encoder: Encoder, base: Path, out: Path) -> None:
    """Writes first.onnx, rest.onnx (int8, each output channel with its own scale) and tokenizer.json to `out`."""
    ids = torch.zeros((1, 16), dtype=torch.long)
    states = torch.zeros((1, 16, encoder.head.in_features))
    _export_step(_Step(encoder.first), ids, out / "first.onnx", ("ids", ["states", "interest"]))
    _export_step(_Step(encoder.rest), states, out / "rest.onnx", ("states", ["scores"]))
    shutil.copyfile(base / "tokenizer.json", out / "tokenizer.json")


class _Step(nn.Module):
    def __init__(self, step: Callable[..., Any]) -> None:
        super().__init__()
        self.encoder = step.__self__  # type: ignore[attr-defined]  # a bound method, which Callable does not say
        self.step = step

    def forward(self, x: Tensor) -> Any:
        return self.step(x)


def _export_step(step: _Step, shown: Tensor, out: Path, names: tuple[str, list[str]]) -> None:
    whole = out.with_suffix(".f32")
    step.eval()
    torch.onnx.export(
        step, (shown,), str(whole), dynamo=False, opset_version=_OPSET, input_names=[names[0]], output_names=names[1],
        dynamic_axes={name: {0: "texts", 1: "pieces"} for name in (names[0], "states")},
    )  # fmt: skip
    quantize_dynamic(
        str(whole), str(out), per_channel=True, weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip
    whole.unlink()


def _ids(pieces: Pieces, examples: Sequence[Example]) -> list[list[int]]:
    return [pieces.ids(example.text, example.context, example.speaker) for example in examples]


def _slope(step: int, steps: int) -> float:
    warm = max(1, int(_WARM_UP * steps))
    return min(1.0, (step + 1) / warm) * max(0.0, (steps - step) / steps)


def _batches(ids: Sequence[Sequence[int]], order: np.random.Generator | None) -> Iterator[list[int]]:
    """Batches of texts of like length, in random order; in order of length without a generator."""
    noise = order.integers(0, 6, len(ids)) if order is not None else np.zeros(len(ids))
    tie = order.permutation(len(ids)) if order is not None else np.arange(len(ids))
    by_length = sorted(range(len(ids)), key=lambda at: (len(ids[at]) + noise[at], tie[at]))
    batches = [by_length[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
    if order is not None:
        order.shuffle(batches)
    yield from batches


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    pieces = torch.zeros((len(rows), longest), dtype=torch.long)
    present = torch.zeros((len(rows), longest))
    for number, row in enumerate(rows):
        pieces[number, : len(row)] = torch.tensor(row)
        present[number, : len(row)] = 1
    return pieces, present
