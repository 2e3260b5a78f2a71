"""Signatures are the prompts: every field says what it is."""

from __future__ import annotations

import inspect
from typing import Any

import dspy
import pytest

from brain import signatures
from brain.reading import EMOTIONS, INTENTS

ALL = [each for _, each in inspect.getmembers(signatures, inspect.isclass) if each.__module__ == signatures.__name__]


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.__name__)
def test_every_signature_has_instructions_and_describes_every_field(signature: Any) -> None:
    assert issubclass(signature, dspy.Signature)
    assert len(signature.instructions.split()) > 8
    for name, field in signature.fields.items():
        assert field.json_schema_extra["desc"] != f"${{{name}}}", name


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.__name__)
def test_every_signature_answers_with_a_reply_and_the_judges_with_an_opinion(signature: Any) -> None:
    opinions = {
        signatures.Summarise: ["summary"],
        signatures.Judge: ["labels", "confidence"],
        signatures.BestReply: ["best"],
        signatures.GradeReply: ["grade"],
        signatures.ReadFan: ["intent", "emotion", "sentiment"],
    }
    assert list(signature.output_fields) == opinions.get(signature, ["reply"])


KINDS = [signatures.Comfort, signatures.Tease, signatures.Inform, signatures.TellStory, signatures.HoldBoundary]


@pytest.mark.parametrize("signature", KINDS, ids=lambda each: each.__name__)
def test_every_kind_of_reply_has_the_fields_of_a_reply_and_says_what_is_said_to_every_reply(signature: Any) -> None:
    assert list(signature.fields) == list(signatures.Reply.fields)
    assert signature.instructions.startswith(signatures.Reply.instructions)
    assert len(signature.instructions) > len(signatures.Reply.instructions)


def test_the_kinds_of_reply_differ() -> None:
    assert len({signature.instructions for signature in (*KINDS, signatures.Reply)}) == len(KINDS) + 1


def test_the_reader_is_told_every_intent_and_emotion_there_is() -> None:
    fields = signatures.ReadFan.output_fields
    for name, labels in (("intent", INTENTS), ("emotion", EMOTIONS)):
        assert all(label in fields[name].json_schema_extra["desc"] for label in labels)
