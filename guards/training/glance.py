"""Trains the glance: a far smaller model that is taught what the large one sees, so that most texts need only it.

It stands apart because it has a teacher: beside the rows it learns from what the trained encoder says of texts nobody
labelled: sayings, single sentences, beginnings (as a reply that streams in is looked at), the turns before a message,
two sayings in a row, one behind turns of another conversation (knowledge distillation, Hinton et al., arXiv
1503.02531).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from guards.clean import clean
from guards.detectors.transformer import Transformer
from guards.sentences import LONGEST, alone
from guards.training.base_model import Encoder
from guards.training.batches import batches, slope
from guards.training.examples import Example, spoken_after
from guards.training.noise import noisy
from guards.training.student import Student, laid_out, student_of
from guards.training.transformer import Say

_BATCH = 256
_RATE = 2e-3
_WARM_UP = 500  # steps
_BEGINNINGS = 2  # of each text
_PAIRS = 0.7  # two sayings in a row, for each text
_BEHIND = 1.5  # a saying behind other turns, for each text
_HEATED = 0.8  # of these, behind a turn that was about a label
_BY_SCORE = 0.1  # what the distance between two raw scores weighs beside that between their probabilities
_BY_ROW = 0.2  # what a row's own labels weigh beside the teacher's opinion of it
_UNREAD = 0.05  # word pieces that are masked
_FIRST_WORD = 999  # the pieces before stand for no word


@dataclass(frozen=True, slots=True)
class Lesson:
    """A message to learn from. Its labels count only where it `is_row`."""

    message: Example = field(repr=False)
    is_row: bool = False


def distil(
    encoder: Encoder, teacher: Transformer, lessons: Sequence[Lesson], *, epochs: int, seed: int, say: Say
) -> Student:
    """A small model whose raw scores are those of `teacher`, as near as it gets. The teacher is `encoder` as it was
    exported."""
    torch.manual_seed(seed)
    ids = [teacher.pieces.ids(each.message.text, each.message.context, each.message.speaker) for each in lessons]
    raw = torch.tensor([scores for _, scores in told_by(teacher, [each.message for each in lessons])])
    truth = torch.sigmoid(raw)
    for at, lesson in enumerate(lessons):
        if lesson.is_row:
            told = torch.tensor([float(label in lesson.message.labels) for label in teacher.labels])
            truth[at] += _BY_ROW * (told - truth[at])
    say(f"the glance learns from {len(lessons):,} texts")
    student = student_of(encoder)
    optimizer = torch.optim.AdamW(student.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    steps = epochs * math.ceil(len(ids) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: slope(step, min(_WARM_UP, steps // 4), steps))
    loss_of = nn.BCEWithLogitsLoss()
    student.train()
    for epoch in range(epochs):
        total = 0.0
        for batch in batches(ids, _BATCH, np.random.default_rng(seed + epoch)):
            read, of_text, of_turns = laid_out([ids[at] for at in batch], teacher.pieces.between)
            read = read.masked_fill((torch.rand(read.shape) < _UNREAD) & (read > _FIRST_WORD), teacher.pieces.unknown)
            scores = student(read, of_text, of_turns)
            loss = loss_of(scores, truth[batch]) + _BY_SCORE * nn.functional.mse_loss(scores, raw[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        say(f"glance, epoch {epoch + 1} of {epochs}: mean loss {total / len(ids):.4f}")
    student.eval()
    return student


def told_by(teacher: Transformer, messages: Sequence[Example]) -> list[tuple[float, list[float]]]:
    """What `teacher` says of each message, its interest and raw scores, by as many threads as torch uses."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(lambda each: teacher.raw(each.text, each.context, each.speaker), messages))


def lessons_of(examples: Sequence[Example], sayings: Sequence[str], seed: int) -> list[Lesson]:
    """What the glance is taught or measured with, no message twice: `examples`, the unlabelled `sayings`, and what can
    be made of both."""
    random = np.random.default_rng(seed)
    turns = [clean(turn.text).text[-LONGEST:] for each in examples for turn in each.context]
    said = [clean(saying).text[:LONGEST] for saying in sayings]
    texts = [*(each.text for each in examples if not each.context), *turns, *said]
    told = [each.text for each in examples if each.labels]
    lessons = [Lesson(each, is_row=True) for each in examples]
    lessons += [Lesson(noisy(each, random), is_row=True) for each in examples]
    lessons += map(_said, [*turns, *said])
    lessons += [Lesson(noisy(Example(each, frozenset()), random)) for each in said]
    lessons += [_said(text[start:end].rstrip()) for text in texts for start, end in alone(text)]
    lessons += map(_said, _beginnings(texts, random))
    lessons += map(_said, _in_a_row(texts, random))
    lessons += [Lesson(each) for each in _behind_others(texts, told, random)]
    return list({lesson.message: lesson for lesson in reversed(lessons) if lesson.message.text.strip()}.values())


def _said(text: str) -> Lesson:
    return Lesson(Example(text, frozenset()))


def _beginnings(texts: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    for text in texts:
        words = text.split(" ")
        if len(words) > 2:
            yield from (" ".join(words[:end]) for end in random.integers(1, len(words), _BEGINNINGS))


def _in_a_row(texts: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    for one, other in random.integers(0, len(texts), (int(_PAIRS * len(texts)), 2)):
        between = (". ", " ", "! ", "? ", "\n")[int(random.integers(5))]
        yield (texts[one].rstrip() + between + texts[other])[:LONGEST]


def _behind_others(texts: Sequence[str], told: Sequence[str], random: np.random.Generator) -> Iterator[Example]:
    """Texts behind up to three turns, of which most often one was about a label: so is a heated conversation read."""
    for _ in range(int(_BEHIND * len(texts))):
        said = [texts[at] for at in random.integers(0, len(texts), 1 + int(random.integers(4)))]
        if told and len(said) > 1 and random.random() < _HEATED:
            said[int(random.integers(len(said) - 1))] = told[int(random.integers(len(told)))]
        roles = (("user", "assistant"), ("assistant", "user"))[int(random.integers(2))]
        *before, (speaker, text) = [(roles[at % 2], each) for at, each in enumerate(said)]
        yield Example(text, frozenset(), speaker, spoken_after(before))
