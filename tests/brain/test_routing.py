"""What was read decides which kind of reply is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from brain.reading import EMOTIONS, INTENTS, Emotion, Intent, Reading
from brain.routing import route
from brain.signatures import Comfort, HoldBoundary, Inform, Reply, Tease, TellStory


@pytest.mark.parametrize(
    ("intent", "emotion", "sentiment", "signature"),
    [
        ("small_talk", "joy", 0.5, Reply),
        ("small_talk", "desire", 0.6, Tease),
        ("question", "desire", 0.4, Tease),
        ("question", "neutral", 0.1, Inform),
        ("purchase", "desire", 0.5, Inform),
        ("complaint", "anger", -0.6, Inform),
        ("story_request", "desire", 0.5, TellStory),
        ("boundary_push", "desire", 0.4, HoldBoundary),
        ("distress", "sadness", -0.9, Comfort),
    ],
)
def test_each_reading_has_its_kind_of_reply(intent: Intent, emotion: Emotion, sentiment: float, signature: Any) -> None:
    assert route(Reading(intent, emotion, sentiment, 0.9)) is signature


def test_distress_is_never_teased() -> None:
    assert {route(Reading("distress", emotion, 1.0, 0.1)) for emotion in EMOTIONS} == {Comfort}


def test_every_reading_has_a_reply_of_the_same_fields() -> None:
    for intent in INTENTS:
        for emotion in EMOTIONS:
            assert list(route(Reading(intent, emotion, 0.0, 0.5)).fields) == list(Reply.fields)
