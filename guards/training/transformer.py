"""Fine-tunes the encoder on labelled messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from guards.detectors.transformer import Pieces
from guards.training.base_model import Encoder, load
from guards.training.batches import batches, padded, slope
from guards.training.examples import Example, Plan
from guards.training.noise import noisy

Say = Callable[[str], None]
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
        [{"params": body, "lr": _RATE}, {"params": head, "lr": _HEAD_RATE}], weight_decay=0.01, fused=True
    )
    steps = plan.epochs * math.ceil(len(examples) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: slope(step, int(_WARM_UP * steps), steps))
    loss_of = nn.BCEWithLogitsLoss()
    short = torch.cpu._is_avx512_bf16_supported()  # short numbers where the processor counts in them: 1.7 times as fast
    encoder.train()
    for epoch in range(plan.epochs):
        total = 0.0
        random = np.random.default_rng(plan.seed + epoch)
        ids = _ids(pieces_of, [noisy(example, random) for example in examples])
        for batch in batches(ids, _BATCH, random):
            pieces, present = padded([ids[at] for at in batch])
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


def _ids(pieces: Pieces, examples: Sequence[Example]) -> list[list[int]]:
    return [pieces.ids(example.text, example.context, example.speaker) for example in examples]
