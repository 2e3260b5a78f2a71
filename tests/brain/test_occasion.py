"""The occasion of a reply: fields of the signature, and no text of a fan in a repr."""

from __future__ import annotations

from brain.occasion import PLAIN, Occasion
from brain.signatures import Reply


def test_its_fields_are_fields_of_the_signature() -> None:
    assert set(PLAIN.fields()) <= set(Reply.input_fields)
    assert not any(PLAIN.fields().values())


def test_what_a_fan_said_stays_out_of_its_repr() -> None:
    assert "canary" not in repr(Occasion(memory="canary", fan="canary"))
