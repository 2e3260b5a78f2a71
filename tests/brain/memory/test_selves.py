"""Statements about the fan alone."""

from __future__ import annotations

import pytest

from brain.memory.facts import extract


@pytest.mark.parametrize(
    ("message", "text", "kind"),
    [
        ("im living near bath atm", "they live near Bath", "home"),
        ("i moved to a new flat", "they moved to a new flat", "moved"),
        ("im moving to spain next month", "they are moving to Spain next month", "moving"),
        ("i work in a call centre", "they work in a call centre", "workplace"),
        ("im a freelance graphic designer", "they are a freelance graphic designer", "job"),
        ("i do nights at the moment", "they work nights", "shifts"),
        ("im badly allergic to bees", "they are allergic to bees", "allergy:bees"),
        ("i have a nut allergy", "they have a nut allergy", "allergy:nut"),
        ("i dont smoke", "they don't smoke", "not:smoke"),
        ("i cant swim lol", "they can't swim", "not:swim"),
        ("i bake bread", "they bake bread", "hobby:bake bread"),
        ("i go fishing with my dad", "they go fishing with their dad", "goes:fishing"),
        ("i speak welsh and french", "they speak Welsh and French", "speaks"),
        ("i used to play rugby", "they used to play rugby", "used to play"),
        ("just got engaged", "they got engaged", "relationship"),
    ],
)
def test_what_a_message_says_of_its_writer(message: str, text: str, kind: str) -> None:
    assert [(fact.text, fact.kind) for fact in extract(message, "t")] == [(text, kind)]


@pytest.mark.parametrize(
    "message",
    [
        "i live in my head",
        "i work in the morning",
        "i work out",
        "i work at 6",
        "im a bit drunk",
        "im straight up bored",
        "i play along",
        "i run out of time",
        "i keep losing",
        "im from work",
        "i dont drink that much",
        "im allergic to you",
        "i moved to be near you",
        "im a big baby",
    ],
)
def test_what_only_looks_like_a_fact(message: str) -> None:
    assert extract(message, "t") == []
