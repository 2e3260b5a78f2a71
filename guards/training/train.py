"""Trains all steps of the classifier on labelled messages and writes them, with their scores, as one model folder."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from guards.clean import clean
from guards.detectors.gate import Gate
from guards.detectors.glance import FILE as GLANCE_FILE
from guards.detectors.glance import Glance
from guards.detectors.transformer import Transformer, probabilities_of
from guards.training import gate as gate_training
from guards.training import transformer as transformer_training
from guards.training.base_model import find
from guards.training.examples import Example, Plan, digest_of, kept_back
from guards.training.export import export
from guards.training.glance import distil, lessons_of, told_by
from guards.training.levels import Looked, heat, levels
from guards.training.scores import recall_at, scale, truths
from guards.training.transformer import Say

_HELD_BACK = 0.1
FILES = (GLANCE_FILE, "first.onnx", "rest.onnx", "tokenizer.json", "gate.npz", "card.json")
_NO_SCALE = (1.0, 0.0)


def train(
    examples: Sequence[Example],
    labels: Sequence[str],
    out: Path,
    plan: Plan,
    say: Say,
    *,
    base: str | None = None,
    sayings: Sequence[str] = (),
) -> dict[str, Any]:
    """Writes the model's FILES into the folder `out`, all or none, and returns its card.

    A tenth of `examples`, and of the unlabelled `sayings` that the glance also learns from, is kept back to calibrate
    and score with. Raises TrainingError, and OSError for `out`.
    """
    folder = find(base)
    as_read = [_cleaned(example) for example in examples]
    teaching, held = kept_back(as_read, _HELD_BACK, plan.seed)
    said = [Example(saying, frozenset()) for saying in sayings]
    heard, unheard = kept_back(said, _HELD_BACK, plan.seed)
    say(f"{len(teaching):,} examples to teach with, {len(held):,} kept back")
    gate = gate_training.fit(folder, teaching, plan.seed)
    say("the gate is trained")
    encoder = transformer_training.fine_tune(folder, teaching, labels, plan, say)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as draft:
        drafts = Path(draft)
        export(encoder, folder, drafts)
        lessons = lessons_of(teaching, [each.text for each in heard], plan.seed)
        teacher = _unscaled(drafts, labels)
        distil(encoder, teacher, lessons, epochs=plan.glance_epochs, seed=plan.seed, say=say).save(drafts)
        gate.save(drafts / "gate.npz")
        card = finish(drafts, held, [each.text for each in unheard], labels, plan.seed) | {
            "plan": asdict(plan), "trained_on": len(teaching), "kept_back": len(held), "examples": digest_of(examples),
            "sayings": digest_of(said),
        }  # fmt: skip
        (drafts / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        for file in FILES:
            (drafts / file).replace(out / file)
    return card


def finish(
    folder: Path, held: Sequence[Example], sayings: Sequence[str], labels: Sequence[str], seed: int
) -> dict[str, Any]:
    """What is known of the model in `folder`: each label's scale and scores, by the examples in `held`, as the int8
    model gives them, and the levels of its steps, by all that can be made of these and of `sayings`."""
    model, gate = _unscaled(folder, labels), Gate.load(folder / "gate.npz")
    glance = Glance(folder, model.pieces)
    raw = np.array([model.raw(example.text, example.context, example.speaker)[1] for example in held])
    about: dict[str, Any] = {}
    for at, label in enumerate(labels):
        truth = truths([example.labels for example in held], label)
        slope, offset = scale(raw[:, at], truth)
        about[label] = {"slope": slope, "offset": offset, "held": int(truth.sum()), **recall_at(raw[:, at], truth)}
    scales = [(each["slope"], each["offset"]) for each in about.values()]
    messages = [lesson.message for lesson in lessons_of(held, sayings, seed)]
    said = told_by(model, messages)
    looked = Looked(
        labels,
        scales,
        probabilities=np.array([probabilities_of(scores, scales) for _, scores in said]),
        glance=np.array([glance.scores(each.text, each.context, each.speaker) for each in messages]),
        gate=gate_training.scores(gate, messages),
        interest=np.array([interest for interest, _ in said]),
        is_alone=np.array([not each.context for each in messages]),
    )
    digest = hashlib.sha256(b"".join((folder / file).read_bytes() for file in FILES[:-1]))
    return {
        "version": digest.hexdigest()[:12],
        "labels": about,
        "levels": levels(looked),
        "heat": heat(looked),
    }


def _unscaled(folder: Path, labels: Sequence[str]) -> Transformer:
    return Transformer(folder, labels, [_NO_SCALE] * len(labels))


def _cleaned(example: Example) -> Example:
    """`example` as the detector reads it."""
    return replace(example, text=clean(example.text).text)
