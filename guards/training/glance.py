"""Trains the glance: a far smaller encoder that is taught what the large one sees, so that most texts need only it.

It stands apart because it has a teacher: beside the rows it learns from what the trained encoder says of texts nobody
labelled: their beginnings (as a reply that streams in is looked at), the turns before a message, two sayings in a row
(knowledge distillation, Hinton et al., arXiv 1503.02531). Its word vectors begin as the base model's, the directions
of most variance kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from guards.clean import clean
from guards.detectors.transformer import Transformer
from guards.sentences import LONGEST
from guards.training.base_model import FIRST_LAYERS, Encoder
from guards.training.batches import batches, padded, slope
from guards.training.examples import Example
from guards.training.noise import noisy
from guards.training.transformer import Say

WIDTH, HEADS, INNER = 192, 6, 384
_BATCH = 128
_RATE = 1.5e-3
_WARM_UP = 500  # steps
_BEGINNINGS = 2  # of each text
_PAIRS = 0.7  # two sayings in a row, for each text
_BY_LABEL = 0.3  # what a single label weighs beside the question whether there is any
_BY_ROW = 0.3  # what a row's own labels weigh beside the teacher's opinion of it
_UNREAD = 0.03  # word pieces that are masked
_FIRST_WORD = 999  # the pieces before stand for no word
_SPREAD = 0.2  # of the word vectors at the beginning


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A text and, where its row was labelled, whether with anything."""

    text: str = field(repr=False)
    is_violating: bool | None = None


def distil(
    encoder: Encoder, teacher: Transformer, examples: Sequence[Example], *, epochs: int, seed: int, say: Say
) -> Encoder:
    """A small encoder whose interest is how likely `teacher` finds any label in a text by itself. The teacher is
    `encoder` as it was exported."""
    torch.manual_seed(seed)
    lessons = _lessons(examples, np.random.default_rng(seed))
    ids = [teacher.pieces.ids(lesson.text) for lesson in lessons]
    truth = torch.sigmoid(torch.tensor([teacher.raw(lesson.text)[1] for lesson in lessons]))
    any_label = truth.amax(1)
    for at, lesson in enumerate(lessons):
        if lesson.is_violating is not None:
            any_label[at] += _BY_ROW * (float(lesson.is_violating) - any_label[at])
    say(f"the glance learns from {len(lessons):,} texts")
    student = _student(encoder)
    optimizer = torch.optim.AdamW(student.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    steps = epochs * math.ceil(len(ids) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: slope(step, min(_WARM_UP, steps // 4), steps))
    loss_of = nn.BCEWithLogitsLoss()
    student.train()
    for epoch in range(epochs):
        total = 0.0
        for batch in batches(ids, _BATCH, np.random.default_rng(seed + epoch)):
            read, present = padded([ids[at] for at in batch])
            read = read.masked_fill((torch.rand(read.shape) < _UNREAD) & (read > _FIRST_WORD), teacher.pieces.unknown)
            raw, interest = student(read, present)
            loss = loss_of(interest, any_label[batch]) + _BY_LABEL * raw.shape[1] * loss_of(raw, truth[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        say(f"glance, epoch {epoch + 1} of {epochs}: mean loss {total / len(ids):.4f}")
    student.eval()
    return student


def _lessons(examples: Sequence[Example], random: np.random.Generator) -> list[_Lesson]:
    """What the glance is taught with, no text twice."""
    lessons = [_Lesson(each.text, bool(each.labels)) for each in examples if not each.context]
    lessons += [_Lesson(clean(turn.text).text[-LONGEST:]) for each in examples for turn in each.context]
    texts = [lesson.text for lesson in lessons]
    for text in texts:
        words = text.split(" ")
        if len(words) > 2:
            ends = random.integers(1, len(words), _BEGINNINGS)
            lessons += [_Lesson(" ".join(words[:end])) for end in ends]
    for one, other in random.integers(0, len(texts), (int(_PAIRS * len(texts)), 2)):
        between = (". ", " ", "! ", "? ", "\n")[int(random.integers(5))]
        lessons.append(_Lesson((texts[one].rstrip() + between + texts[other])[:LONGEST]))
    changed = (noisy(each, random) for each in examples if not each.context)
    lessons += [_Lesson(each.text, bool(each.labels)) for each in changed]
    return list({lesson.text: lesson for lesson in reversed(lessons) if lesson.text.strip()}.values())


def _student(encoder: Encoder) -> Encoder:
    """A small encoder with the word vectors of the large one, reduced."""
    words = encoder.word.weight.detach()
    sizes = {"vocab_size": len(words), "max_position_embeddings": len(encoder.position.weight)}
    width, heads = min(WIDTH, words.shape[1]), HEADS
    while width % heads:
        heads -= 1
    student = Encoder(
        {**sizes, "hidden_size": width, "num_attention_heads": heads, "intermediate_size": INNER},
        FIRST_LAYERS, encoder.head.out_features,
    )  # fmt: skip
    centred = words - words.mean(0)
    directions = torch.linalg.svd(centred[:: max(1, len(words) // 8000)], full_matrices=False)[2]
    reduced = centred @ directions[:width].T
    with torch.no_grad():
        student.word.weight.copy_(reduced / reduced.std() * _SPREAD)
        student.position.weight.normal_(std=0.02)
    return student
