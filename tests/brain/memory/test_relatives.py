"""Statements about pets, family, friends and belongings."""

from __future__ import annotations

import pytest

from brain.memory.facts import extract


@pytest.mark.parametrize(
    ("message", "text", "kind"),
    [
        ("my dogs called biscuit", "their dog is called Biscuit", "name:dog"),
        ("our cats are called Tom and Jerry", "their cats are called Tom and Jerry", "name:cat"),
        ("my older sister lives in york", "their older sister lives in York", "older sister:lives"),
        ("my best friends getting divorced", "their best friend is getting divorced", "best friend:getting"),
        ("my dad passed away in may", "their dad passed away in may", "dad:passed"),
        ("ive got two little brothers", "they have two little brothers", "has:brother"),
        ("i have a dog named rex", "their dog is called Rex", "name:dog"),
        ("we just bought a house", "they have a house", "owns:house"),
        ("i ride a ducati", "they ride a ducati", "owns:ride"),
        ("we run a tiny cafe in town", "they run a tiny cafe in town", "business"),
        ("my wifes birthday is 4 june", "their wife's birthday is 4 june", "birthday:wife"),
    ],
)
def test_what_a_message_says_of_others(message: str, text: str, kind: str) -> None:
    assert [(fact.text, fact.kind) for fact in extract(message, "t")] == [(text, kind)]


@pytest.mark.parametrize(
    "message",
    ["your dog is called rex", "my boss is an idiot", "my phone died", "his sister lives in york", "i want a dog",
     "my dog is called when dinner is ready", "i have a question", "i dont have a dog", "have a good day"],
)  # fmt: skip
def test_what_says_nothing_that_lasts(message: str) -> None:
    assert extract(message, "t") == []
