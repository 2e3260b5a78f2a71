"""Signatures are the prompts: every field says what it is."""

from __future__ import annotations

import inspect
from typing import Any

import dspy
import pytest

from brain import signatures

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
    }
    assert list(signature.output_fields) == opinions.get(signature, ["reply"])
