"""The glance learns what its teacher says, also of texts that nobody labelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guards.detectors.glance import Glance
from guards.detectors.transformer import Transformer
from guards.training.examples import Example, Plan

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")

from guards.training import transformer as training  # noqa: E402 - it imports torch
from guards.training.export import export  # noqa: E402
from guards.training.glance import distil, lessons_of  # noqa: E402

LABELS = ["contact", "meetup"]


@pytest.mark.filterwarnings("ignore")  # torch's own exporter warns of itself
def test_what_the_teacher_finds_stands_out_at_a_glance(
    base: Path, examples: list[Example], tmp_path: Path, silent: Callable[[str], None]
) -> None:
    encoder = training.fine_tune(base, examples, LABELS, Plan(layers=3, epochs=40, seed=1), silent)
    export(encoder, base, tmp_path)
    teacher = Transformer(tmp_path, LABELS, [(1.0, 0.0)] * 2)
    lessons = lessons_of(examples, ["what a day", "see you at the station then"], seed=1)
    distil(encoder, teacher, lessons, epochs=30, seed=1, say=silent).save(tmp_path)
    glance = Glance(tmp_path, teacher.pieces)
    meetup = LABELS.index("meetup")
    assert glance.scores("come over to my place")[meetup] > glance.scores("cats and tea")[meetup]
    assert glance.scores("come over to my")[meetup] > glance.scores("cats and")[meetup]


def test_sayings_and_all_that_can_be_made_of_rows_are_lessons_each_once(examples: list[Example]) -> None:
    lessons = lessons_of(examples, ["what a day. so much rain", "what a day. so much rain"], seed=1)
    said = [lesson.message for lesson in lessons]
    assert len(set(said)) == len(said)
    assert {"what a day. so much rain", "what a day.", "so much rain"} <= {message.text for message in said}
    assert {example.text for example in examples} <= {lesson.message.text for lesson in lessons if lesson.is_row}
    assert any(message.context for message in said)


def test_the_same_seed_makes_the_same_lessons(examples: list[Example]) -> None:
    assert lessons_of(examples, ["hello there you"], seed=3) == lessons_of(examples, ["hello there you"], seed=3)
