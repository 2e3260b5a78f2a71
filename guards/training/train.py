"""Trains all steps of the classifier on labelled messages and writes them, with their scores, as one model folder."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guards.clean import clean
from guards.detectors.gate import Gate
from guards.detectors.glance import Glance
from guards.detectors.transformer import Transformer
from guards.training import gate as gate_training
from guards.training import transformer as transformer_training
from guards.training.base_model import find
from guards.training.examples import Example, Plan, digest_of, kept_back
from guards.training.export import export, export_glance
from guards.training.glance import distil
from guards.training.scores import Numbers, recall_at, scale, threshold_for, truths
from guards.training.transformer import Say

_HELD_BACK = 0.1
# Of the violations that the transformer finds, the share that each step before must let through to it. Turns that only
# those before them explain are none of the gate's: a heated conversation is looked at whole.
_GATE_LETS_THROUGH = 0.985
_GLANCE_LETS_THROUGH = 0.99
_INTEREST_LETS_THROUGH = 0.99
_FOUND = 0.5  # the probability from which a violation counts as found
FILES = ("glance.onnx", "first.onnx", "rest.onnx", "tokenizer.json", "gate.npz", "card.json")
_NO_SCALE = (1.0, 0.0)


def train(
    examples: Sequence[Example], labels: Sequence[str], out: Path, plan: Plan, say: Say, *, base: str | None = None
) -> dict[str, Any]:
    """Writes the model's FILES into the folder `out`, all or none, and returns its card.

    A tenth of `examples` is kept back to calibrate and score with. Raises TrainingError, and OSError for `out`.
    """
    folder = find(base)
    as_read = [_cleaned(example) for example in examples]
    teaching, held = kept_back(as_read, _HELD_BACK, plan.seed)
    say(f"{len(teaching):,} examples to teach with, {len(held):,} kept back")
    gate = gate_training.fit(folder, teaching, plan.seed)
    say("the gate is trained")
    encoder = transformer_training.fine_tune(folder, teaching, labels, plan, say)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as draft:
        drafts = Path(draft)
        export(encoder, folder, drafts)
        teacher = _unscaled(drafts, labels)
        glance = distil(encoder, teacher, teaching, epochs=plan.glance_epochs, seed=plan.seed, say=say)
        export_glance(glance, drafts)
        card = finish(drafts, gate, held, labels) | {
            "plan": asdict(plan), "trained_on": len(teaching), "kept_back": len(held), "examples": digest_of(examples),
        }  # fmt: skip
        (drafts / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        for file in FILES:
            (drafts / file).replace(out / file)
    return card


def finish(folder: Path, gate: Gate, held: Sequence[Example], labels: Sequence[str]) -> dict[str, Any]:
    """Sets the thresholds of all steps by the examples in `held`, writes gate.npz, and says what is known of the model
    in `folder`: each label's scale and scores, as the int8 model gives them."""
    model = _unscaled(folder, labels)
    found = [model.raw(example.text, example.context, example.speaker) for example in held]
    raw, interest = np.array([scores for _, scores in found]), np.array([each for each, _ in found])
    about: dict[str, Any] = {}
    probabilities = np.zeros(raw.shape)
    for at, label in enumerate(labels):
        truth = truths([example.labels for example in held], label)
        slope, offset = scale(raw[:, at], truth)
        probabilities[:, at] = 1 / (1 + np.exp(-(slope * raw[:, at] + offset)))
        about[label] = {"slope": slope, "offset": offset, "held": int(truth.sum()), **recall_at(raw[:, at], truth)}
    violating = np.array([bool(example.labels) for example in held])
    is_found = violating & (probabilities.max(1) >= _FOUND)
    scores = gate_training.scores(gate, held)
    is_alone = np.array([not example.context for example in held])
    alone = is_found & is_alone
    gate = replace(gate, threshold=threshold_for(scores[alone], _GATE_LETS_THROUGH, otherwise=-math.inf))
    gate.save(folder / "gate.npz")
    glance = Glance(folder, model.pieces)
    glances = np.array([glance.score(example.text, example.context, example.speaker) for example in held])
    least_glance = threshold_for(glances[is_found], _GLANCE_LETS_THROUGH, otherwise=-math.inf)
    least = threshold_for(interest[is_found], _INTEREST_LETS_THROUGH, otherwise=-math.inf)
    digest = hashlib.sha256(b"".join((folder / file).read_bytes() for file in FILES[:-1]))
    return {
        "version": digest.hexdigest()[:12],
        "labels": about,
        "gate": _passed(scores[is_alone], gate.threshold, violating[is_alone]),
        "glance": {"threshold": least_glance, **_passed(glances, least_glance, violating)},
        "interest": {"threshold": least, **_passed(interest, least, violating)},
    }


def _unscaled(folder: Path, labels: Sequence[str]) -> Transformer:
    return Transformer(folder, labels, [_NO_SCALE] * len(labels), -math.inf)


def _cleaned(example: Example) -> Example:
    """`example` as the detector reads it."""
    return replace(example, text=clean(example.text).text)


def _passed(scores: Numbers, threshold: float, violating: NDArray[np.bool_]) -> dict[str, float]:
    """Which share of the violating rows a step lets through, and which of the others it clears."""
    through = scores >= threshold
    return {"lets_through": _share(through[violating]), "clears": _share(~through[~violating])}


def _share(which: NDArray[np.bool_]) -> float:
    return round(float(which.mean()), 4) if len(which) else 0.0
